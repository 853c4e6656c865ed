/* From a gateway's address to a live call: offer, answer, audio both ways. */
#include "device/device_call.h"

#include <mbedtls/md.h>
#include <stdio.h>
#include <string.h>

#include "device/device_audio.h"
#include "device/device_talk.h"
#include "device/device_update.h"
#include "device/extras.h"

static bool fail(const struct device *d, enum reason reason, struct device_news *news)
{
    *news = (struct device_news){SESSION_FAILED, reason, d->signaling.retry_after_s};
    return true;
}

static bool has_identity(const struct device *d)
{
    return d->identity.key_len > 0;
}

/* As it was made. */
static bool is_whole(struct device *d)
{
    const struct peer_identity *i = &d->identity;
    const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    uint8_t digest[sizeof i->fingerprint];
    return i->key_len <= sizeof i->key && i->cert_len <= sizeof i->cert &&
           mbedtls_md(sha256, i->cert, i->cert_len, digest) == 0 &&
           memcmp(digest, i->fingerprint, sizeof digest) == 0 && call_takes(&d->call, i);
}

void device_call_identify(struct device *d)
{
    struct peer_random random = call_random();
    size_t len = 0;
    enum port_error error = port_kv_get("identity", (uint8_t *)&d->identity, sizeof d->identity, &len);
    d->faults[DEVICE_NO_STORE] = error == PORT_ERR_IO;
    if (error == PORT_OK && len == sizeof d->identity && is_whole(d))
        return;
    if (peer_identity_make(&d->identity, &random) != PEER_OK)
        d->identity.key_len = 0; /* it is tried again with the next call */
    else if (port_kv_set("identity", (const uint8_t *)&d->identity, sizeof d->identity) != PORT_OK)
        d->faults[DEVICE_NO_STORE] = true;
}

bool device_call_begin(struct device *d, struct device_news *news)
{
    if (!has_identity(d))
        device_call_identify(d);
    if (!has_identity(d))
        return fail(d, REASON_NO_MEMORY, news);
    struct signaling_trust trust;
    d->told_reason = REASON_NONE;
    d->attention = ATTENTION_ALWAYS;
    d->bot_starts = false;
    d->echo_cancelled = false;
    d->gateway.family = 0;
    d->met = false;
    device_update_interrupt(d);
    device_trust(d, &trust);
    const struct port_addresses *where = d->where.count > 0 ? &d->where : NULL;
    return signaling_start(&d->signaling, &d->url, where, d->refusal.onwards, &trust, d->settings.key) ==
               SIGNALING_FAILED &&
           fail(d, d->signaling.reason, news);
}

/* A rollback is told until it has been heard, whatever fails in between. */
static const char *last_failure(const struct device *d)
{
    return reason_text(d->rolled_back ? REASON_UPDATE_ROLLED_BACK : d->session.last_failure);
}

/* The parts that not every board has, for the gateway to know what can be asked of this one. */
static const char *parts(char *out)
{
    const struct port_facts *facts = port_facts();
    (void)snprintf(out, DEVICE_PARTS_MAX, "%s%s%s%s", facts->has_led ? "light " : "",
                   facts->has_display ? "display " : "", facts->has_button ? "button " : "",
                   facts->has_echo_canceller ? "echo_canceller " : "");
    size_t len = strlen(out);
    if (len > 0)
        out[len - 1] = '\0';
    return out;
}

/* REASON_NONE, and then `result` is of the offer on its way. */
static enum reason send_offer(struct device *d, uint64_t now, enum signaling_result *result)
{
    const struct port_facts *facts = port_facts();
    char sdp[CALL_SDP_MAX], met[SETTINGS_PIN_HEX] = "";
    port_stream_peer(&d->gateway);
    d->met = port_stream_pin(d->met_pin) == PORT_OK;
    if (d->met)
        settings_write_pin(d->met_pin, met);
    enum reason reason = call_start(&d->call, now, &d->identity, &d->gateway, sdp, sizeof sdp);
    if (reason != REASON_NONE)
        return reason;
    *result = signaling_send(&d->signaling, &(struct signaling_offer){.sdp = sdp,
                                                                      .identity = met,
                                                                      .id = facts->id,
                                                                      .board = facts->board,
                                                                      .version = facts->version,
                                                                      .reset = device_reset_text(),
                                                                      .last_failure = last_failure(d),
                                                                      .fault = device_fault_text(d),
                                                                      .has = parts(d->has),
                                                                      .resume = d->call_id});
    return REASON_NONE;
}

static bool take_answer(struct device *d, uint64_t now, struct device_news *news)
{
    enum reason reason = call_accept(&d->call, now, signaling_answer(&d->signaling));
    if (reason != REASON_NONE)
        return fail(d, reason, news);
    d->bot_ready &= d->signaling.resumed;
    *news = (struct device_news){.event = SESSION_ANSWERED};
    return true;
}

bool device_call_signal(struct device *d, uint64_t now, struct device_news *news)
{
    enum signaling_result result = signaling_step(&d->signaling);
    enum reason reason = result == SIGNALING_CONNECTED ? send_offer(d, now, &result) : REASON_NONE;
    if (reason != REASON_NONE)
        return fail(d, reason, news);
    if (result == SIGNALING_ANSWERED)
        return take_answer(d, now, news);
    return result == SIGNALING_FAILED && fail(d, d->signaling.reason, news);
}

/* The first gateway that has let us in is the one to speak to from now on: whom mDNS found is looked for, and
 * who showed a key over TLS has to show it again (undone by: settings erase fingerprint). */
static void pair(struct device *d)
{
    if (d->met && !device_is_pinned(d) && settings_pin(&d->settings, d->met_pin) == SETTINGS_OK)
        port_log(PORT_INFO, "device", "from now on only this gateway: %s", d->settings.fingerprint);
    if (d->gateway_id[0] != '\0' && d->settings.gateway_id[0] == '\0')
        (void)settings_set(&d->settings, "gateway_id", d->gateway_id);
}

static void go_live(struct device *d)
{
    port_link_busy(true);
    memcpy(d->call_id, d->signaling.call, sizeof d->call_id);
    device_audio_begin_call(d);
    pair(d);
}

static bool take_event(struct device *d, uint64_t now, const struct call_event *event,
                       struct device_news *news)
{
    enum reason reason;
    switch (event->type) {
    case CALL_CONNECTED:
        go_live(d);
        *news = (struct device_news){.event = SESSION_CONNECTED};
        return true;
    case CALL_CHANNEL_OPEN:
        talk_open(&d->talk, &d->call, now, !d->bot_ready);
        d->tools_told = 0;
        device_update_proven(d);
        talk_tell_crash(&d->talk, &d->call);
        break;
    case CALL_MESSAGE:
        reason = device_take_message(d, now, event->data, event->len, event->is_text);
        *news = (struct device_news){.event = SESSION_FAILED, .reason = reason};
        return reason != REASON_NONE;
    case CALL_OVER:
        return fail(d, d->told_reason != REASON_NONE ? d->told_reason : event->reason, news);
    }
    return false;
}

bool device_call_next(struct device *d, uint64_t now, struct device_news *news)
{
    struct call_event event;
    while (call_next(&d->call, now, &event))
        if (take_event(d, now, &event, news))
            return true;
    return false;
}

bool device_call_send(struct device *d, uint64_t now)
{
    const struct packet *p = queue_front(&d->up);
    if (p == NULL)
        return false;
    call_send_audio(&d->call, now, p->data, p->len, p->kind ? &p->timestamp : NULL);
    queue_pop(&d->up);
    return true;
}

/* As late as can be: what is taken here is what the speaker plays next. */
static int32_t spare_us(const struct device *d)
{
    struct peer_stats stats;
    if (d->call.peer == NULL)
        return AUDIO_SPARE_UNKNOWN;
    peer_get_stats(d->call.peer, &stats);
    return (int32_t)(stats.buffer_us - stats.target_us);
}

void device_call_fetch(struct device *d, uint64_t now)
{
    struct peer_audio audio;
    for (struct packet *p; atomic_load(&d->wanted) > 0 && (p = queue_room(&d->down)) != NULL;
         atomic_fetch_sub(&d->wanted, 1)) {
        call_next_audio(&d->call, now, &audio);
        bool fits = audio.len <= sizeof p->data;
        p->kind = (uint8_t)(fits ? audio.kind : PEER_AUDIO_CONCEAL);
        p->len = (uint16_t)(fits ? audio.len : 0);
        p->timestamp = audio.timestamp;
        p->spare_us = spare_us(d);
        if (p->len > 0)
            memcpy(p->data, audio.data, p->len);
        queue_push(&d->down);
    }
}

void device_get_rtvi_figures(struct device *d, struct rtvi_figures *f)
{
    struct port_figures own;
    struct peer_stats stats = {0};
    port_get_figures(&own);
    if (d->call.peer != NULL)
        peer_get_stats(d->call.peer, &stats);
    *f = (struct rtvi_figures){.heap_free = own.heap_free,
                               .heap_least = own.heap_least,
                               .rssi = own.rssi,
                               .jitter_us = stats.jitter_us,
                               .rtt_us = stats.rtt_us,
                               .playout_us = stats.buffer_us,
                               .lost = stats.lost_packets,
                               .received = stats.received_packets,
                               .concealed = stats.concealed,
                               .fec = stats.fec_recovered,
                               .underruns = device_audio_underruns(d)};
}

void device_call_talk(struct device *d, uint64_t now)
{
    struct rtvi_figures figures;
    extras_tell(d);
    if (!talk_step(&d->talk, &d->call, now))
        return;
    device_get_rtvi_figures(d, &figures);
    talk_tell_figures(&d->talk, &d->call, &figures);
}

uint64_t device_call_deadline(const struct device *d)
{
    uint64_t call = call_deadline(&d->call), talk = talk_deadline(&d->talk),
             update = update_deadline(&d->update);
    uint64_t first = call < talk ? call : talk;
    return first < update ? first : update;
}

void device_call_forget(struct device *d)
{
    d->call_id[0] = '\0';
    d->bot_ready = false;
}

void device_call_end(struct device *d, uint64_t now)
{
    talk_close(&d->talk);
    if (d->alert != 0) {
        d->alert = 0;
        device_audio_apply(d);
    }
    if (d->call_id[0] != '\0')
        call_drop(&d->call);
    else
        call_end(&d->call, now);
    port_link_busy(false);
}

void voice_get_latency(struct voice_latency *latency)
{
    struct device *d = device_get();
    struct peer_stats stats = {0};
    if (d->call.peer != NULL)
        peer_get_stats(d->call.peer, &stats);
    *latency = (struct voice_latency){.rtt_us = stats.rtt_us,
                                      .playout_us = stats.buffer_us,
                                      .encode_us = d->encode_us,
                                      .clock_offset_us = d->talk.clock_offset_us,
                                      .clock_known = d->talk.clock_known};
}
