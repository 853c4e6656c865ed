#include "ask.h"

#include <stdio.h>
#include <string.h>

#include "port_audio.h"

#define MS(n) ((uint64_t)(n)*1000u)
#define LIVE_US MS(15000)   /* to connect */
#define READY_US MS(1500)   /* for bot-ready after that: a bot without RTVI never says it */
#define ANSWER_US MS(15000) /* from the question's end to the answer's first sound */
#define END_US MS(1200)     /* of silence, after which the answer is over */
#define WORDS_MAX 2000
#define LOUD_DB10 (-443) /* RMS of 200: gateway/cli/talk.py's threshold */

static struct {
    uint64_t began, live_at, spoke_at, first_heard_at, heard_at, transcript_at, bot_text_at, stopped_at;
    bool live, ready, asking, failed;
    const char *why;
    char heard[WORDS_MAX], said[WORDS_MAX];
} ask;

void ask_start(void)
{
    memset(&ask, 0, sizeof ask);
    ask.began = port_clock();
}

static void append(char *words, const char *more)
{
    size_t len = strlen(words);
    more += strspn(more, " ");
    (void)snprintf(words + len, WORDS_MAX - len, "%s%s", len > 0 ? " " : "", more);
    for (len = strlen(words); len > 0 && words[len - 1] == ' '; len--)
        words[len - 1] = '\0';
}

static void take_state(const struct voice_event *event)
{
    bool was_live = ask.live;
    ask.live = strcmp(event->text, "live") == 0;
    if (ask.live && ask.live_at == 0)
        ask.live_at = port_clock();
    if (was_live && !ask.live && event->reason != NULL) {
        ask.failed = true;
        ask.why = event->reason;
    } else if (event->reason != NULL) {
        ask.why = event->reason;
    }
}

static void take_words(const struct voice_event *event)
{
    if (!event->on || event->text == NULL)
        return;
    printf("%s: %s\n", event->who == VOICE_USER ? "you" : "bot", event->text);
    fflush(stdout);
    append(event->who == VOICE_USER ? ask.heard : ask.said, event->text);
    uint64_t *at = event->who == VOICE_USER ? &ask.transcript_at : &ask.bot_text_at;
    *at = *at != 0 ? *at : port_clock();
}

void ask_listen(const struct voice_event *event)
{
    if (event->type == VOICE_STATE)
        take_state(event);
    else if (event->type == VOICE_BOT_READY)
        ask.ready = true;
    else if (event->type == VOICE_TRANSCRIPT)
        take_words(event);
    else if (event->type == VOICE_SPEAKING && event->who == VOICE_USER && !event->on)
        ask.stopped_at = port_clock();
}

static bool begin_asking(uint64_t now)
{
    if (!ask.live || (!ask.ready && now - ask.live_at < READY_US))
        return false;
    host_audio_ask();
    ask.asking = true;
    return true;
}

static void listen_in(uint64_t now)
{
    int16_t microphone, speaker;
    voice_get_levels(&microphone, &speaker);
    if (microphone > LOUD_DB10 && host_audio_is_asking())
        ask.spoke_at = now;
    if (speaker <= LOUD_DB10)
        return;
    ask.heard_at = now;
    ask.first_heard_at = ask.first_heard_at != 0 ? ask.first_heard_at : now;
}

static bool is_answered(uint64_t now)
{
    listen_in(now);
    if (host_audio_is_asking())
        return false;
    if (ask.heard_at < ask.spoke_at)
        return now - ask.spoke_at > ANSWER_US;
    return now - ask.heard_at > END_US;
}

bool ask_step(void)
{
    uint64_t now = port_clock();
    if (ask.failed)
        return true;
    if (!ask.asking && !begin_asking(now))
        return now - ask.began > LIVE_US;
    return is_answered(now);
}

static void print_hop(const char *name, uint64_t from, uint64_t to)
{
    if (from != 0 && to >= from)
        printf("  %-28s %6.1f ms\n", name, (double)(to - from) / 1000);
}

static void print_latency(uint64_t first)
{
    struct voice_latency latency;
    voice_get_latency(&latency);
    printf("latency by hop:\n");
    print_hop("offer to live", ask.began, ask.live_at);
    printf("  %-28s %6.1f ms\n", "microphone block", (double)PORT_AUDIO_BLOCK_US / 1000);
    printf("  %-28s %6.1f ms\n", "encode (slowest)", (double)latency.encode_us / 1000);
    printf("  %-28s %6.1f ms\n", "network, there and back", (double)latency.rtt_us / 1000);
    print_hop("speech end to turn end", ask.spoke_at, ask.stopped_at);
    print_hop("speech end to transcript", ask.spoke_at, ask.transcript_at);
    print_hop("speech end to bot's words", ask.spoke_at, ask.bot_text_at);
    print_hop("speech end to first sound", ask.spoke_at, first);
    printf("  %-28s %6.1f ms\n", "of that, playout buffer", (double)latency.playout_us / 1000);
}

/* JSON's escapes, which a shell script's reader may count on. */
static void print_quoted(const char *name, const char *text)
{
    printf("%s=\"", name);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    printf("\" ");
}

bool ask_report(void)
{
    uint64_t first = ask.first_heard_at;
    bool sounded = first != 0 && ask.spoke_at != 0;
    if (ask.live_at == 0)
        printf("never live: %s\n", ask.why != NULL ? ask.why : "no reason");
    else
        print_latency(first);
    if (ask.failed)
        printf("the call ended: %s\n", ask.why);
    print_quoted("heard", ask.heard);
    print_quoted("said", ask.said);
    if (sounded)
        printf("first_audio_ms=%.0f\n", ((double)first - (double)ask.spoke_at) / 1000);
    else
        printf("first_audio_ms=none\n");
    fflush(stdout);
    return sounded && ask.heard[0] != '\0' && ask.said[0] != '\0';
}
