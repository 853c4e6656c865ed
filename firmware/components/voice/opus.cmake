# What libopus has to be on a chip: the audio task has neither the stack nor the memory for anything else. It is asked
# of the configuration, which an sdkconfig.BOARD of an earlier build may still hold, and again of the linker: what
# libopus was really built as.
if(CONFIG_OPUS_FLOATING_POINT OR NOT CONFIG_OPUS_USE_ALLOCA OR NOT CONFIG_OPUS_STATE_INTERNAL_ONLY)
  message(FATAL_ERROR
    "${SDKCONFIG} builds libopus otherwise than the audio task can carry. It takes CONFIG_OPUS_FLOATING_POINT=n, "
    "CONFIG_OPUS_USE_ALLOCA=y and CONFIG_OPUS_STATE_INTERNAL_ONLY=y, as sdkconfig.defaults has them: set them in "
    "menuconfig (Opus Audio Codec), or delete that file and build again.")
endif()
target_link_options(${COMPONENT_LIB} INTERFACE "-Wl,--require-defined=silk_encode_frame_FIX")
