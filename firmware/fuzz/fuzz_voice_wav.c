/* A recording that is anything: refused, or resampled within its bounds. */
#include "port_audio_wav.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wav wav;
    if (wav_parse(&wav, data, size) != WAV_OK)
        return 0;
    if (wav.data < data || wav.frames * 2 * wav.channels > (size_t)(data + size - wav.data))
        abort();
    size_t count = wav_resampled(&wav, 16000);
    if (count == 0 || count > 4000)
        return 0;
    int16_t *out = malloc(count * sizeof *out);
    if (out != NULL)
        wav_resample(&wav, 16000, out);
    free(out);
    return 0;
}
