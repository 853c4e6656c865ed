/* Data channels: opening (RFC 8832), messages and their PPIDs (RFC 8831 6.6), closing (RFC 8831 6.7). */
#include "sctp/dcep.h"
#include "sctp/sctp_wire.h"

enum { SLOTS = SCTP_CHANNELS + 1 };

struct sctp_channel *channel_find(struct sctp *s, uint16_t id)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (s->channels[i].state != CHANNEL_FREE && s->channels[i].id == id)
            return &s->channels[i];
    return NULL;
}

static struct sctp_channel *channel_new(struct sctp *s, uint16_t id, size_t slots)
{
    for (size_t i = 0; i < slots; i++) {
        struct sctp_channel *c = &s->channels[i];
        if (c->state == CHANNEL_FREE) {
            *c = (struct sctp_channel){.id = id};
            return c;
        }
    }
    return NULL;
}

/* Closed in both directions: RFC 8831 6.7. */
void channel_settle(struct sctp_channel *c)
{
    if ((c->flags & (CH_RESET_DONE | CH_PEER_RESET)) != (CH_RESET_DONE | CH_PEER_RESET))
        return;
    if ((c->flags & CH_REFUSED) != 0)
        c->state = CHANNEL_FREE;
    else
        c->flags |= CH_CLOSED_DUE;
}

static void keep_label(struct sctp_channel *c, const uint8_t *label, size_t len)
{
    c->label_len = (uint8_t)(len < SCTP_LABEL_MAX ? len : SCTP_LABEL_MAX);
    memcpy(c->label, label, c->label_len);
}

static void handle_open(struct sctp *s, uint16_t id, const struct dcep_open *open)
{
    struct sctp_channel *c = channel_new(s, id, SCTP_CHANNELS);
    if (c == NULL) { /* RFC 8832 6: refused by closing it; with no slot even for that, it never opens */
        c = channel_new(s, id, SLOTS);
        if (c != NULL) {
            c->state = CHANNEL_CLOSING;
            c->flags = CH_REFUSED | CH_RESET_DUE;
        }
        return;
    }
    c->state = CHANNEL_OPEN;
    c->flags = CH_REMOTE | CH_ACK_DUE | CH_OPEN_DUE | (open->unordered ? CH_UNORDERED : 0u);
    keep_label(c, open->label, open->label_len);
}

/* The peer has it: it said so, or it uses it. */
void channel_confirm(struct sctp_channel *c)
{
    if (c->state == CHANNEL_OPENING) {
        c->state = CHANNEL_OPEN;
        c->flags |= CH_OPEN_DUE;
    }
}

void channel_handle_dcep(struct sctp *s, uint16_t id, const uint8_t *data, size_t len)
{
    struct dcep_open open;
    struct sctp_channel *c = channel_find(s, id);
    enum dcep_type type = dcep_read(data, len, &open);
    if (type == DCEP_OPEN && c == NULL)
        handle_open(s, id, &open);
    else if (type == DCEP_ACK && c != NULL)
        channel_confirm(c);
}

/* What had to wait for room in the queue. */
void channel_pump(struct sctp *s)
{
    static const uint8_t ack[] = {DCEP_ACK};
    if (s->state != SCTP_ESTABLISHED)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        struct sctp_channel *c = &s->channels[i];
        if (c->state != CHANNEL_FREE && (c->flags & CH_ACK_DUE) != 0 &&
            tx_queue(s, c, PPID_DCEP, ack, sizeof ack) == SCTP_OK)
            c->flags &= (uint16_t)~CH_ACK_DUE;
    }
}

static void fill_event(const struct sctp_channel *c, struct sctp_event *event, uint16_t flag)
{
    event->type = flag == CH_OPEN_DUE ? SCTP_EVENT_CHANNEL_OPEN : SCTP_EVENT_CHANNEL_CLOSED;
    event->channel = c->id;
    event->remote = (c->flags & CH_REMOTE) != 0;
    event->data = c->label;
    event->len = c->label_len;
}

bool channel_event(struct sctp *s, struct sctp_event *event, uint16_t flag)
{
    for (size_t i = 0; i < SLOTS; i++) {
        struct sctp_channel *c = &s->channels[i];
        if (c->state == CHANNEL_FREE || (c->flags & flag) == 0)
            continue;
        c->flags &= (uint16_t)~flag;
        fill_event(c, event, flag);
        if (flag == CH_CLOSED_DUE)
            c->state = CHANNEL_FREE;
        return true;
    }
    return false;
}

/* RFC 8832 6: even ones are the DTLS client's. */
static uint16_t free_id(struct sctp *s)
{
    uint16_t id = s->config.dtls_client ? 0 : 1;
    while (channel_find(s, id) != NULL)
        id = (uint16_t)(id + 2);
    return id;
}

enum sctp_error channel_open(struct sctp *s, const char *label, uint16_t *channel)
{
    uint8_t message[DCEP_OPEN_HEADER + SCTP_LABEL_MAX];
    size_t len = strlen(label);
    if (s->state > SCTP_ESTABLISHED)
        return SCTP_ERR_STATE;
    if (len > SCTP_LABEL_MAX)
        return SCTP_ERR_TOO_BIG;
    uint16_t id = free_id(s);
    struct sctp_channel *c = channel_new(s, id, SCTP_CHANNELS);
    if (c == NULL)
        return SCTP_ERR_WOULD_BLOCK;
    size_t size = dcep_write_open(message, label, (uint8_t)len);
    enum sctp_error e = tx_queue(s, c, PPID_DCEP, message, size);
    if (e != SCTP_OK)
        return e;
    c->state = CHANNEL_OPENING;
    keep_label(c, message + DCEP_OPEN_HEADER, len);
    *channel = id;
    return SCTP_OK;
}

enum sctp_error channel_send(struct sctp *s, uint16_t channel, bool is_text, const uint8_t *data, size_t len)
{
    static const uint8_t nothing[] = {0}; /* RFC 8831 6.6: SCTP can't carry an empty message */
    struct sctp_channel *c = channel_find(s, channel);
    if (s->state > SCTP_ESTABLISHED || c == NULL || c->state == CHANNEL_CLOSING)
        return SCTP_ERR_STATE;
    if (s->config.peer_message_max != 0 && len > s->config.peer_message_max)
        return SCTP_ERR_TOO_BIG;
    channel_pump(s);
    if ((c->flags & CH_ACK_DUE) != 0)
        return SCTP_ERR_WOULD_BLOCK; /* RFC 8832 6: the ACK goes first */
    if (len == 0)
        return tx_queue(s, c, is_text ? PPID_STRING_EMPTY : PPID_BINARY_EMPTY, nothing, sizeof nothing);
    return tx_queue(s, c, is_text ? PPID_STRING : PPID_BINARY, data, len);
}

enum sctp_error channel_close(struct sctp *s, uint16_t channel)
{
    struct sctp_channel *c = channel_find(s, channel);
    if (s->state == SCTP_DONE || c == NULL || c->state == CHANNEL_CLOSING)
        return SCTP_ERR_STATE;
    c->state = CHANNEL_CLOSING;
    c->flags |= CH_RESET_DUE | CH_LOCAL_CLOSE;
    c->flags &= (uint16_t)~CH_OPEN_DUE;
    return SCTP_OK;
}
