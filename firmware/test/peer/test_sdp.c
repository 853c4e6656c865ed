#include "peer/link.h"

#include <stdio.h>

#include "sdp/sdp.h"

/* Captured from the stacks themselves but for pion_answer, which is written by hand after Pion's manner. */
#ifndef CORPUS
#define CORPUS "../fuzz/corpus"
#endif

static char sdp[SDP_MAX_LEN + 2];

static const char *load(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/sdp/%s", CORPUS, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(sdp, 1, sizeof sdp - 1, f);
    fclose(f);
    sdp[n] = '\0';
    return sdp;
}

static unsigned count_candidates(const char *text)
{
    struct text rest = {text, strlen(text)};
    struct ice_candidate c;
    unsigned n = 0;
    while (sdp_next_candidate(&rest, &c))
        n++;
    return n;
}

static void reads_the_answer_of_aiortc(void **state)
{
    (void)state;
    struct sdp_remote r;
    assert_int_equal(sdp_parse(&r, load("aiortc_answer"), true), PEER_OK);
    assert_int_equal(r.setup, SDP_ACTIVE);
    assert_int_equal(strlen(r.ice.ufrag), 4);
    assert_int_equal(strlen(r.ice.pwd), 22);
    assert_int_equal(r.opus, 111);
    assert_int_equal(r.max_message_size, 262144);
    assert_int_equal(r.sctp_port, 5000);
    assert_true(r.audio == 0 && r.data == 1 && r.sends && r.receives && r.ssrc != 0);
    assert_int_equal(count_candidates(sdp), 4); /* two, in each section */
}

static void reads_the_answer_of_chromium(void **state)
{
    (void)state;
    struct sdp_remote r;
    assert_int_equal(sdp_parse(&r, load("chromium_answer"), true), PEER_OK);
    assert_int_equal(r.setup, SDP_ACTIVE);
    assert_int_equal(r.opus, 111);
    assert_int_equal(r.fingerprint[0], 0xa5);
    assert_int_equal(r.fingerprint[31], 0x91);
    assert_int_equal(r.ssrc, 1471169517);
}

static void reads_an_answer_like_pions(void **state)
{
    (void)state;
    struct sdp_remote r;
    assert_int_equal(sdp_parse(&r, load("pion_answer"), true), PEER_OK);
    assert_int_equal(r.fingerprint[0], 0x0f);
    assert_string_equal(r.ice.ufrag, "nDgDfSXXhBvuzOtz");
    assert_int_equal(r.max_message_size, 1073741823);
    assert_int_equal(count_candidates(sdp), 2); /* one component, UDP */
}

static void reads_the_offers(void **state)
{
    (void)state;
    struct sdp_remote r;
    assert_int_equal(sdp_parse(&r, load("aiortc_offer"), false), PEER_OK);
    assert_int_equal(r.setup, SDP_ACTPASS);
    assert_false(r.red);
    assert_int_equal(sdp_parse(&r, load("chromium_offer"), false), PEER_OK);
    assert_int_equal(r.media_count, 3);
    assert_true(r.red);
    assert_int_equal(r.opus, 111);
    assert_true(r.audio > 0 && r.data == 2);
    assert_int_equal(sdp_parse(&r, load("peer_offer"), false), PEER_OK);
}

/* A good answer with one line changed, dropped or added. */
static enum peer_error with(const char *line, const char *instead)
{
    static const char good[] = "v=0\r\n"
                               "o=- 1 1 IN IP4 0.0.0.0\r\n"
                               "s=-\r\n"
                               "t=0 0\r\n"
                               "a=group:BUNDLE 0 1\r\n"
                               "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\n"
                               "a=mid:0\r\n"
                               "a=rtcp-mux\r\n"
                               "a=rtpmap:96 OPUS/48000/2\r\n"
                               "a=ice-ufrag:abcd\r\n"
                               "a=ice-pwd:0123456789012345678901\r\n"
                               "a=fingerprint:SHA-256 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
                               "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
                               "a=setup:passive\r\n"
                               "m=application 9 DTLS/SCTP 5001\r\n"
                               "a=mid:1\r\n"
                               "a=sctpmap:5001 webrtc-datachannel 1024\r\n"
                               "a=ice-ufrag:abcd\r\n";
    struct sdp_remote r;
    const char *at = strstr(good, line);
    assert_non_null(at);
    const char *end = strstr(at, "\r\n") + 2;
    snprintf(sdp, sizeof sdp, "%.*s%s%s", (int)(at - good), good, instead, end);
    enum peer_error error = sdp_parse(&r, sdp, true);
    if (error == PEER_OK && r.data >= 0)
        assert_true(r.sctp_port == 5001 || strstr(sdp, "sctpmap:5001") == NULL);
    return error;
}

static void refuses_clearly_what_it_cannot_use(void **state)
{
    (void)state;
    assert_int_equal(with("v=0", "v=0\r\n"), PEER_OK);
    assert_int_equal(with("v=0", "v=0\n"), PEER_OK);
    assert_int_equal(with("v=0", ""), PEER_ERR_SDP_SYNTAX);
    assert_int_equal(with("a=ice-ufrag", "a=ice-ufrag:ab\r\n"), PEER_ERR_SDP_SYNTAX);
    assert_int_equal(with("a=ice-pwd", ""), PEER_ERR_SDP_NO_ICE);
    assert_int_equal(with("a=fingerprint", ""), PEER_ERR_SDP_FINGERPRINT);
    assert_int_equal(with("a=fingerprint", "a=fingerprint:sha-1 00:11\r\n"), PEER_ERR_SDP_FINGERPRINT);
    assert_int_equal(with("a=fingerprint", "a=fingerprint:sha-256 00:11\r\n"), PEER_ERR_SDP_FINGERPRINT);
    assert_int_equal(with("a=setup", ""), PEER_ERR_SDP_SETUP);
    assert_int_equal(with("a=setup", "a=setup:actpass\r\n"), PEER_ERR_SDP_SETUP);
    assert_int_equal(with("a=setup", "a=setup:holdconn\r\n"), PEER_ERR_SDP_SETUP);
    assert_int_equal(with("a=rtpmap", "a=rtpmap:96 PCMU/8000\r\n"), PEER_ERR_SDP_NO_OPUS);
    assert_int_equal(with("a=rtcp-mux", ""), PEER_ERR_SDP_NO_RTCP_MUX);
    assert_int_equal(with("m=audio", "m=audio 0 UDP/TLS/RTP/SAVPF 96\r\n"), PEER_ERR_SDP_NO_ICE);
    assert_int_equal(with("m=audio", "m=text 9 RTP/AVP 96\r\n"), PEER_ERR_SDP_SYNTAX);
    assert_int_equal(with("m=audio", "m=audio 70000 RTP/AVP 96\r\n"), PEER_ERR_SDP_SYNTAX);
    assert_int_equal(with("m=application", ""), PEER_OK);
    assert_int_equal(with("m=application", "m=application 0 DTLS/SCTP 5000\r\n"), PEER_OK);
    assert_int_equal(with("a=mid:1", "a=mid:0123456789abcdefg\r\n"), PEER_ERR_SDP_SYNTAX);
    assert_int_equal(with("a=sctpmap", "a=ice-ufrag:efgh\r\n"), PEER_OK); /* bundled: the first counts */
    assert_int_equal(with("a=group", ""), PEER_OK); /* the same transport all the same */
}

static void takes_redundancy_of_opus_alone(void **state)
{
    (void)state;
    struct sdp_remote r;
    const char *maps[] = {"a=rtpmap:111 opus/48000/2\r\n", "a=rtpmap:96 opus/48000/2\r\n"};
    const char *fmtps[] = {"a=fmtp:63 111/111\r\n", "a=fmtp:63 0/0\r\n", "a=fmtp:62 111/111\r\n", ""};
    for (int i = 0; i < 8; i++) {
        char lines[128];
        snprintf(lines, sizeof lines, "%s%s", fmtps[i / 2], maps[i % 2]);
        assert_int_equal(with("a=rtpmap", lines), PEER_OK);
        assert_int_equal(sdp_parse(&r, sdp, true), PEER_OK);
        assert_int_equal(r.red, i == 0);
    }
    assert_int_equal(with("a=sctpmap", "a=fmtp:63 111/111\r\n"), PEER_OK); /* of another section */
    assert_int_equal(sdp_parse(&r, sdp, true), PEER_OK);
    assert_false(r.red);
}

static void refuses_two_transports(void **state)
{
    (void)state;
    struct sdp_remote r;
    (void)load("aiortc_answer");
    char *group = strstr(sdp, "a=group"), *last = NULL;
    memcpy(group, "a=grump", 7);
    for (char *at = sdp; (at = strstr(at, "a=ice-ufrag:")) != NULL; at++)
        last = at;
    last[12] = '+';
    assert_int_equal(sdp_parse(&r, sdp, true), PEER_ERR_SDP_NO_BUNDLE);
}

static void media_stands_over_session_and_sha256_over_others(void **state)
{
    (void)state;
    struct sdp_remote r;
    (void)load("pion_answer");
    assert_int_equal(with("s=-", "s=-\r\na=ice-ufrag:session\r\na=setup:active\r\na=ice-lite\r\n"), PEER_OK);
    assert_int_equal(sdp_parse(&r, sdp, true), PEER_OK);
    assert_string_equal(r.ice.ufrag, "abcd");
    assert_int_equal(r.setup, SDP_PASSIVE);
    assert_true(r.ice_lite);
    assert_int_equal(with("a=mid:0", "a=fingerprint:sha-512 00\r\na=recvonly\r\na=bundle-only\r\n"), PEER_OK);
    assert_int_equal(sdp_parse(&r, sdp, true), PEER_OK);
    assert_true(r.receives && !r.sends);
    assert_int_equal(with("a=mid:0", "a=sendonly\r\n"), PEER_OK);
    assert_int_equal(with("a=mid:0", "a=inactive\r\n"), PEER_OK);
}

static void refuses_what_has_no_end_or_too_much(void **state)
{
    (void)state;
    struct sdp_remote r;
    memset(sdp, 'x', sizeof sdp - 1);
    memcpy(sdp, "v=0\n", 4);
    sdp[sizeof sdp - 1] = '\0';
    assert_int_equal(sdp_parse(&r, sdp, true), PEER_ERR_SDP_SYNTAX);
    strcpy(sdp, "v=0\n");
    for (int i = 0; i <= SDP_MAX_MEDIA; i++)
        strcat(sdp, "m=video 0 x 0\n");
    assert_int_equal(sdp_parse(&r, sdp, true), PEER_ERR_SDP_SYNTAX);
    assert_int_equal(sdp_parse(&r, "v=0\nm=video 9 x 0\n", true), PEER_ERR_SDP_REJECTED);
    assert_int_equal(sdp_parse(&r, "", true), PEER_ERR_SDP_SYNTAX);
}

static struct ice ice;
static uint64_t seed = 5;
static const uint8_t digest[32] = {0xab, 0x01};

static struct sdp_local local_description(void)
{
    struct rng rng = {link_random, &seed};
    struct peer_address v4, v6;
    peer_address_parse(&v4, "192.168.1.2", 4000);
    peer_address_parse(&v6, "fe80::1", 4001);
    ice_init(&ice, &rng, true);
    ice_add_local(&ice, &v4);
    ice_add_local(&ice, &v6);
    return (struct sdp_local){.ice = &ice,
                              .fingerprint = digest,
                              .setup = SDP_ACTPASS,
                              .audio = true,
                              .data = true,
                              .fec = true,
                              .dtx = true,
                              .audio_rate = 16000,
                              .opus = SDP_OPUS,
                              .ssrc = 77,
                              .cname = "name",
                              .max_message_size = 4096};
}

static void its_own_offer_reads_back(void **state)
{
    (void)state;
    struct sdp_local local = local_description();
    struct sdp_remote r;
    peer_address_parse(&ice.gather.mapped, "203.0.113.1", 99);
    assert_true(sdp_write(&local, sdp, sizeof sdp));
    assert_int_equal(sdp_parse(&r, sdp, false), PEER_OK);
    assert_string_equal(r.ice.ufrag, ice.local.ufrag);
    assert_string_equal(r.ice.pwd, ice.local.pwd);
    assert_memory_equal(r.fingerprint, digest, 32);
    assert_int_equal(r.ssrc, 77);
    assert_true(r.dtx);
    assert_int_equal(r.max_message_size, 4096);
    assert_int_equal(count_candidates(sdp), 3);
    assert_non_null(strstr(sdp, "\r\na=candidate:1 1 udp 2130706431 192.168.1.2 4000 typ host\r\n"));
    assert_non_null(strstr(sdp, " typ srflx raddr 192.168.1.2 rport 4000\r\n"));
    for (char *at = sdp, *end; (end = strstr(at, "\r\n")) != NULL; at = end + 2)
        assert_true(end - at < 255);
}

static void answers_each_section_of_an_offer(void **state)
{
    (void)state;
    struct sdp_local local = local_description();
    struct sdp_remote offer, r;
    assert_int_equal(sdp_parse(&offer, load("chromium_offer"), false), PEER_OK);
    local.offer = &offer;
    local.setup = SDP_ACTIVE;
    local.opus = offer.opus;
    assert_true(sdp_write(&local, sdp, sizeof sdp));
    assert_int_equal(sdp_parse(&r, sdp, true), PEER_OK);
    assert_int_equal(r.media_count, offer.media_count);
    for (int i = 0; i < r.media_count; i++) {
        assert_int_equal(r.media[i].kind, offer.media[i].kind);
        assert_string_equal(r.media[i].mid, offer.media[i].mid);
        assert_int_equal(r.media[i].rejected, r.media[i].kind == SDP_VIDEO);
    }
    local.audio = false; /* now the data channel alone carries the transport */
    assert_true(sdp_write(&local, sdp, sizeof sdp));
    assert_int_equal(sdp_parse(&r, sdp, true), PEER_OK);
    assert_true(r.audio < 0 && r.data == 2);
    assert_int_equal(count_candidates(sdp), 2);
}

static void says_so_if_a_description_does_not_fit(void **state)
{
    (void)state;
    struct sdp_local local = local_description();
    assert_true(sdp_write(&local, sdp, sizeof sdp));
    size_t len = strlen(sdp);
    char *small = test_malloc(len + 1);
    assert_false(sdp_write(&local, small, len));
    assert_true(sdp_write(&local, small, len + 1));
    test_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_answer_of_aiortc),
        cmocka_unit_test(reads_the_answer_of_chromium),
        cmocka_unit_test(reads_an_answer_like_pions),
        cmocka_unit_test(reads_the_offers),
        cmocka_unit_test(refuses_clearly_what_it_cannot_use),
        cmocka_unit_test(takes_redundancy_of_opus_alone),
        cmocka_unit_test(refuses_two_transports),
        cmocka_unit_test(media_stands_over_session_and_sha256_over_others),
        cmocka_unit_test(refuses_what_has_no_end_or_too_much),
        cmocka_unit_test(its_own_offer_reads_back),
        cmocka_unit_test(answers_each_section_of_an_offer),
        cmocka_unit_test(says_so_if_a_description_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
