#include "call/signaling.h"

#include <stdio.h>
#include <string.h>

#include "wire/json.h"

static enum signaling_result fail(struct signaling *s, enum reason reason)
{
    port_stream_close();
    s->step = SIGNALING_IDLE;
    s->reason = reason;
    return SIGNALING_FAILED;
}

static enum signaling_result fail_for(struct signaling *s, enum port_error error)
{
    static const struct {
        enum port_error error;
        enum reason reason;
    } reasons[] = {
        {PORT_ERR_RESOLVE, REASON_NO_NAME},
        {PORT_ERR_TLS, REASON_TLS_FAILED},
        {PORT_ERR_TLS_PIN, REASON_TLS_PIN},
        {PORT_ERR_SPACE, REASON_NO_MEMORY},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].error == error)
            return fail(s, reasons[i].reason);
    return fail(s, REASON_UNREACHABLE);
}

static enum signaling_result open_stream(struct signaling *s, struct port_stream_target target)
{
    target.host = s->url.host;
    target.port = s->url.port;
    target.tls = s->url.tls;
    target.ca_pem = s->trust.ca_pem;
    target.pins = s->trust.pins;
    target.pin_count = s->trust.pin_count;
    enum port_error error = port_stream_open(&target);
    return error == PORT_OK || error == PORT_AGAIN ? SIGNALING_BUSY : fail_for(s, error);
}

enum signaling_result signaling_start(struct signaling *s, const struct http_url *url,
                                      const struct port_addresses *where, bool onwards,
                                      const struct signaling_trust *trust, const char *key)
{
    s->url = *url;
    s->trust = *trust;
    s->key = key;
    s->retry_after_s = 0;
    s->reason = REASON_NONE;
    s->step = SIGNALING_CONNECTING;
    return open_stream(s, (struct port_stream_target){.addresses = where, .onwards = onwards});
}

static void add_device(struct json_writer *w, const struct signaling_offer *offer)
{
    json_key(w, "request_data");
    json_open(w, '{');
    json_key(w, "device");
    json_open(w, '{');
    json_add_text(w, "id", offer->id);
    json_add_text(w, "board", offer->board);
    json_add_text(w, "fw", offer->version);
    json_add_text(w, "reset_reason", offer->reset);
    json_add_text(w, "last_failure", offer->last_failure);
    if (offer->fault[0] != '\0')
        json_add_text(w, "fault", offer->fault);
    json_add_text(w, "has", offer->has != NULL ? offer->has : "");
    json_close(w, '}');
    json_close(w, '}');
}

bool signaling_write_offer(char *out, size_t cap, const struct signaling_offer *offer)
{
    struct json_writer w = json_writer(out, cap);
    json_open(&w, '{');
    json_add_text(&w, "type", "offer");
    json_add_text(&w, "sdp", offer->sdp);
    if (offer->resume[0] != '\0') {
        json_add_text(&w, "pc_id", offer->resume);
        json_add_bool(&w, "restart_pc", true);
    }
    add_device(&w, offer);
    json_close(&w, '}');
    return !w.failed;
}

static bool has_key(const struct signaling *s)
{
    return s->key != NULL && s->key[0] != '\0';
}

static bool authorize(struct signaling *s, const struct signaling_offer *offer, char *out, size_t cap)
{
    char proof[PROOF_HEX];
    (void)snprintf(s->proof.identity, sizeof s->proof.identity, "%s", offer->identity);
    if (!proof_read_fingerprint(s->proof.fingerprint, offer->sdp) ||
        !proof_of_offer(&s->proof, s->key, proof))
        return false;
    int n = snprintf(out, cap, "Voicegw nonce=%s, proof=%s", s->proof.nonce, proof);
    return n > 0 && (size_t)n < cap;
}

enum signaling_result signaling_send(struct signaling *s, const struct signaling_offer *offer)
{
    enum { HEAD_ROOM = 640 };
    char *body = s->buffer + HEAD_ROOM;
    if (!signaling_write_offer(body, sizeof s->buffer - HEAD_ROOM, offer))
        return fail(s, REASON_NO_MEMORY);
    size_t body_len = strlen(body);
    char authorization[sizeof "Voicegw nonce=, proof=" + PROOF_NONCE_MAX + PROOF_HEX] = "";
    if (has_key(s) && !authorize(s, offer, authorization, sizeof authorization))
        return fail(s, REASON_NO_MEMORY);
    size_t head_len = http_write_post(s->buffer, HEAD_ROOM, &s->url, authorization, body_len);
    if (head_len == 0)
        return fail(s, REASON_BAD_URL);
    memmove(s->buffer + head_len, body, body_len);
    s->len = head_len + body_len;
    s->sent = 0;
    s->step = SIGNALING_SENDING;
    return signaling_step(s);
}

/* For a nonce: that our key is known here is proven with it, and the key itself stays. */
static enum signaling_result ask(struct signaling *s)
{
    s->len = http_write_get(s->buffer, sizeof s->buffer, &s->url, "/api/challenge", true);
    s->sent = 0;
    s->step = SIGNALING_ASKING;
    return s->len > 0 ? SIGNALING_BUSY : fail(s, REASON_BAD_URL);
}

static enum signaling_result step_connect(struct signaling *s)
{
    size_t written;
    enum port_error error = port_stream_write(NULL, 0, &written);
    if (error == PORT_AGAIN)
        return SIGNALING_BUSY;
    if (error != PORT_OK)
        return fail_for(s, error);
    if (has_key(s) && s->step == SIGNALING_CONNECTING)
        return ask(s);
    s->step = SIGNALING_WAITING;
    return SIGNALING_CONNECTED;
}

static enum signaling_result step_send(struct signaling *s)
{
    while (s->sent < s->len) {
        size_t written = 0;
        enum port_error error =
            port_stream_write((const uint8_t *)s->buffer + s->sent, s->len - s->sent, &written);
        if (error == PORT_AGAIN)
            return SIGNALING_BUSY;
        if (error != PORT_OK)
            return fail_for(s, error);
        s->sent += written;
    }
    s->step = s->step == SIGNALING_ASKING ? SIGNALING_HEARING : SIGNALING_READING;
    http_expect(&s->reply, s->buffer, SIGNALING_ANSWER_MAX);
    return SIGNALING_BUSY;
}

static enum signaling_result read_nonce(struct signaling *s)
{
    if (s->reply.status == 404 || s->reply.status == 405)
        return fail(s, REASON_GATEWAY_OLD);
    s->retry_after_s = s->reply.retry_after_s;
    if (s->reply.status != 200)
        return fail(s, signaling_read_problem(s->reply.status, s->reply.body, s->reply.body_len));
    if (!signaling_read_nonce(s->reply.body, s->reply.body_len, s->proof.nonce))
        return fail(s, REASON_REPLY_MALFORMED);
    s->step = s->reply.closes ? SIGNALING_REOPENING : SIGNALING_WAITING;
    return s->reply.closes ? open_stream(s, (struct port_stream_target){.again = true}) : SIGNALING_CONNECTED;
}

/* Whoever let us in has to have our key as well: anyone can say that an offer is welcome. */
static enum signaling_result take_answer(struct signaling *s)
{
    struct json answer;
    char proof[PROOF_HEX] = "";
    s->call[0] = '\0';
    s->resumed = false;
    if (json_parse(&answer, s->reply.body, s->reply.body_len)) {
        (void)json_text(json_member(answer, "proof"), proof, sizeof proof);
        if (!json_text(json_member(answer, "pc_id"), s->call, sizeof s->call))
            s->call[0] = '\0';
        (void)json_bool(json_member(answer, "resumed"), &s->resumed);
    }
    if (!signaling_read_answer(s->reply.body, s->reply.body_len))
        return fail(s, REASON_ANSWER_MALFORMED);
    if (has_key(s) && !proof_is_of_answer(&s->proof, s->key, signaling_answer(s), proof))
        return fail(s, REASON_GATEWAY_UNPROVEN);
    return SIGNALING_ANSWERED;
}

static enum signaling_result read_reply(struct signaling *s)
{
    if (s->step == SIGNALING_HEARING)
        return read_nonce(s);
    port_stream_close();
    s->step = SIGNALING_IDLE;
    s->retry_after_s = s->reply.retry_after_s;
    if (s->reply.status != 200)
        return fail(s, signaling_read_problem(s->reply.status, s->reply.body, s->reply.body_len));
    return take_answer(s);
}

static enum signaling_result take_result(struct signaling *s, enum http_result result)
{
    if (result == HTTP_DONE)
        return read_reply(s);
    if (result == HTTP_MORE)
        return SIGNALING_BUSY;
    bool is_large_answer = result == HTTP_TOO_LARGE && s->reply.status == 200;
    if (result == HTTP_TOO_LARGE && !is_large_answer && s->reply.status != 0)
        return fail(s, signaling_read_problem(s->reply.status, "", 0));
    return fail(s, is_large_answer ? REASON_ANSWER_TOO_LARGE : REASON_REPLY_MALFORMED);
}

static bool is_sending(const struct signaling *s)
{
    return s->step == SIGNALING_ASKING || s->step == SIGNALING_SENDING;
}

static bool is_reading(const struct signaling *s)
{
    return s->step == SIGNALING_HEARING || s->step == SIGNALING_READING;
}

static enum signaling_result step_read(struct signaling *s)
{
    uint8_t data[512];
    size_t len = 0;
    enum signaling_result result = SIGNALING_BUSY;
    while (result == SIGNALING_BUSY && is_reading(s)) {
        enum port_error error = port_stream_read(data, sizeof data, &len);
        if (error == PORT_AGAIN)
            return SIGNALING_BUSY;
        if (error == PORT_END)
            return take_result(s, http_end(&s->reply));
        if (error != PORT_OK)
            return fail_for(s, error);
        result = take_result(s, http_take(&s->reply, data, len));
    }
    return result;
}

enum signaling_result signaling_step(struct signaling *s)
{
    if (s->step == SIGNALING_CONNECTING || s->step == SIGNALING_REOPENING) {
        enum signaling_result result = step_connect(s);
        if (s->step != SIGNALING_ASKING)
            return result;
    }
    if (is_sending(s)) {
        enum signaling_result result = step_send(s);
        if (!is_reading(s))
            return result;
    }
    return is_reading(s) ? step_read(s) : SIGNALING_BUSY;
}

void signaling_stop(struct signaling *s)
{
    if (s->step != SIGNALING_IDLE)
        port_stream_close();
    s->step = SIGNALING_IDLE;
}

const char *signaling_answer(const struct signaling *s)
{
    return s->buffer;
}

/* It goes into a header as it is. */
bool signaling_read_nonce(const char *body, size_t len, char nonce[PROOF_NONCE_MAX])
{
    struct json told;
    if (!json_parse(&told, body, len) || !json_text(json_member(told, "nonce"), nonce, PROOF_NONCE_MAX))
        return false;
    return nonce[0] != '\0' && nonce[strspn(nonce, "0123456789abcdefghijklmnopqrstuvwxyz.-_"
                                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

bool signaling_read_answer(char *body, size_t len)
{
    struct json answer;
    if (!json_parse(&answer, body, len) || !json_is(json_member(answer, "type"), "answer"))
        return false;
    return json_text(json_member(answer, "sdp"), body, len);
}

static enum reason reason_of_status(int status)
{
    if (status == 301 || status == 308) /* nothing of a gateway's has moved but to https */
        return REASON_TLS_REQUIRED;
    if (status == 401)
        return REASON_KEY_REJECTED;
    if (status == 403)
        return REASON_FORBIDDEN;
    if (status == 429)
        return REASON_RATE_LIMITED;
    if (status == 503)
        return REASON_GATEWAY_BUSY;
    return status >= 400 && status < 500 ? REASON_OFFER_REJECTED : REASON_GATEWAY_ERROR;
}

enum reason signaling_read_problem(int status, const char *body, size_t len)
{
    static const struct {
        const char *code;
        enum reason reason;
    } codes[] = {
        {"key_required", REASON_KEY_REJECTED}, {"forbidden", REASON_FORBIDDEN},
        {"rate_limited", REASON_RATE_LIMITED}, {"bot_failed", REASON_BOT_FAILED},
        {"busy", REASON_GATEWAY_BUSY},         {"stopping", REASON_GATEWAY_STOPPING},
        {"tls_required", REASON_TLS_REQUIRED},
    };
    struct json problem;
    if (!json_parse(&problem, body, len))
        return reason_of_status(status);
    struct json code = json_member(problem, "code");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (json_is(code, codes[i].code))
            return codes[i].reason;
    return reason_of_status(status);
}
