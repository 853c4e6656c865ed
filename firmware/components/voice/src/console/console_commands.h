/* The commands of a console: a table, which its owner hands in, and what does not need to know the owner. */
#ifndef VOICE_CONSOLE_COMMANDS_H
#define VOICE_CONSOLE_COMMANDS_H

#include "audio.h"
#include "console/console.h"
#include "setup/settings.h"
#include "update/update.h"

struct device; /* the owner: handed on, never looked into */

/* What a command leaves to the owner; each a bit. */
enum console_wish {
    CONSOLE_WANTS_NOTHING = 0,
    CONSOLE_WANTS_CALL = 1,  /* begun anew, and first */
    CONSOLE_WANTS_AUDIO = 2, /* to follow its settings */
};

struct console_command {
    const char *name;
    unsigned (*run)(struct device *d, uint64_t now, const struct console_words *words); /* wishes */
};

/* Runs the line's command, or answers that there is none; `help` there is always. `commands` end with a name
 * of NULL. */
unsigned console_run(const struct console_command *commands, struct device *d, uint64_t now,
                     const struct console_words *words);

/* console_audio.c */
void console_inject(struct audio *a, const struct console_words *words);
void console_capture(struct audio *a, const struct console_words *words);

/* console_board.c */
void console_log(const struct console_words *words);
void console_crash(const char *reset, const struct console_words *words);
void console_display(void);

/* console_settings.c: wishes */
unsigned console_settings(struct settings *s, const struct console_words *words);

/* console_update.c */
void console_show_update(const struct update *u);
bool console_read_update(const struct console_words *words, struct update_request *request); /* false: said */
void console_answer_update(const char *why); /* NULL: under way */

#endif
