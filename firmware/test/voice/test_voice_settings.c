/* Settings on a board whose power fails: at each write what is kept is the old or the new, and never neither.
 */
#include "check.h"
#include "setup/settings.h"
#include "voice/fake.h"

static struct settings s;

static void boot(void)
{
    fake_restart();
    settings_load(&s);
}

static void cut_after(uint32_t writes)
{
    fake.kv_cut = true;
    fake.kv_left = writes;
}

static bool is_network(const char *ssid, const char *password)
{
    return strcmp(s.ssid, ssid) == 0 && strcmp(s.password, password) == 0;
}

/* True if it was not the power that ended it. */
static bool change_network(const char *to, const char *password, uint32_t writes)
{
    fake_reset();
    fake_kv_put("ssid", "old");
    fake_kv_put("password", "old secret");
    settings_load(&s);
    cut_after(writes);
    (void)settings_set_wifi(&s, to, password);
    return fake.kv_left > 0;
}

static void a_network_is_the_old_or_the_new_one(void **state)
{
    static const char *const passwords[] = {"new secret", ""};
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        uint32_t writes = 0, news = 0;
        for (bool whole = false; !whole; writes++) {
            whole = change_network("new", passwords[p], writes);
            boot();
            bool is_new = is_network("new", passwords[p]);
            assert_true(is_new || is_network("old", "old secret"));
            assert_true(is_new || !whole);
            news += is_new;
            boot(); /* and stays so */
            assert_true(is_new ? is_network("new", passwords[p]) : is_network("old", "old secret"));
        }
        assert_true(writes > 4 && news == writes - 1); /* from the first write on it is the new one */
    }
}

/* What is pending is finished at the next boot, at which the power may fail as well. */
static void power_that_fails_again_changes_nothing(void **state)
{
    (void)state;
    for (uint32_t writes = 1; writes < 4; writes++)
        for (uint32_t again = 0; again < 4; again++) {
            (void)change_network("new", "new secret", writes);
            fake_restart();
            cut_after(again);
            settings_load(&s);
            assert_true(is_network("new", "new secret"));
            boot();
            assert_true(is_network("new", "new secret"));
        }
}

static void what_is_said_later_counts(void **state)
{
    (void)state;
    (void)change_network("new", "new secret", 3); /* its last step is left out */
    fake.kv_cut = false;
    assert_int_equal(settings_set(&s, "ssid", "later"), SETTINGS_OK);
    assert_int_equal(settings_set(&s, "password", "later secret"), SETTINGS_OK);
    boot();
    assert_true(is_network("later", "later secret"));
}

#define KEY "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789"

static void sixty_four_digits_are_a_key_and_nothing_else_of_that_length(void **state)
{
    char phrase[65] = KEY;
    (void)state;
    fake_reset();
    settings_load(&s);
    assert_int_equal(settings_set_wifi(&s, "home", KEY), SETTINGS_OK);
    assert_string_equal(s.password, KEY);
    phrase[10] = 'g';
    assert_int_equal(settings_set(&s, "password", phrase), SETTINGS_REFUSED);
    assert_int_equal(settings_set_wifi(&s, "away", phrase), SETTINGS_REFUSED);
    assert_true(is_network("home", KEY));
    phrase[63] = '\0';
    assert_int_equal(settings_set(&s, "password", phrase), SETTINGS_OK);
}

static void what_is_given_and_too_short_for_a_password_is_none(void **state)
{
    static const char *const typed[] = {"1", "1234567", "12345678", ""};
    (void)state;
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
        fake_reset();
        fake_kv_put("ssid", "home");
        fake_kv_put("password", "old secret");
        settings_load(&s);
        bool fits = i > 1;
        enum settings_error expected = fits ? SETTINGS_OK : SETTINGS_REFUSED;
        assert_int_equal(settings_set(&s, "password", typed[i]), expected);
        boot();
        assert_true(is_network("home", fits ? typed[i] : "old secret"));
        assert_int_equal(settings_set_wifi(&s, "away", typed[i]), expected);
        boot();
        assert_true(is_network(fits ? "away" : "home", fits ? typed[i] : "old secret"));
    }
}

static void a_name_is_taken_as_it_is(void **state)
{
    static const char *const names[] = {"home ", " home", "\xE2\x98\x95 caf\xC3\xA9",
                                        "01234567890123456789012345678901"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fake_reset();
        settings_load(&s);
        assert_int_equal(settings_set_wifi(&s, names[i], "some secret "), SETTINGS_OK);
        boot();
        assert_true(is_network(names[i], "some secret "));
    }
}

static void one_setting_is_the_old_or_the_new_one(void **state)
{
    (void)state;
    for (uint32_t writes = 0; writes < 2; writes++) {
        fake_reset();
        fake_kv_put("volume", "40");
        settings_load(&s);
        cut_after(writes);
        (void)settings_set(&s, "volume", "50");
        boot();
        assert_int_equal(settings_volume(&s), writes == 0 ? 40 : 50);
    }
}

static const char pin[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void without_a_store_what_is_set_can_be_taken_back(void **state)
{
    (void)state;
    fake_reset();
    fake.kv_fails = true;
    settings_load(&s);
    assert_int_equal(settings_set_wifi(&s, "Neighbour", "wrong-password"), SETTINGS_STORE);
    assert_true(is_network("Neighbour", "wrong-password"));
    assert_int_equal(settings_set_wifi(&s, "Cafe", ""), SETTINGS_STORE); /* an open one */
    assert_true(is_network("Cafe", ""));
    assert_int_equal(settings_set(&s, "fingerprint", pin), SETTINGS_STORE);
    assert_int_equal(settings_erase(&s, "fingerprint"), SETTINGS_STORE);
    assert_string_equal(s.fingerprint, "");
    assert_int_equal(settings_set(&s, "volume", "10"), SETTINGS_STORE);
    assert_int_equal(settings_erase(&s, "volume"), SETTINGS_STORE);
    assert_int_equal(settings_volume(&s), 70);
}

/* Until the next start. */
static void what_cannot_be_erased_counts_no_more(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("gateway", "http://old:1");
    fake_kv_put("key", "old");
    settings_load(&s);
    fake.kv_fails = true;
    assert_int_equal(settings_erase(&s, "gateway"), SETTINGS_STORE);
    assert_string_equal(s.gateway, "");
    assert_false(settings_erase_all(&s));
    assert_string_equal(s.key, "");
    boot();
    assert_string_equal(s.gateway, "http://old:1");
}

/* True if it was not the power that ended it. */
static bool erase_all(uint32_t steps)
{
    fake_reset();
    fake_kv_put("ssid", "old");
    fake_kv_put("password", "old secret");
    fake_kv_put("gateway", "https://old:7860");
    fake_kv_put("key", "old");
    fake_kv_put("fingerprint", pin);
    fake_kv_put("ca", "-----BEGIN CERTIFICATE-----\n");
    fake_kv_put("identity", "old");
    settings_load(&s);
    cut_after(steps);
    (void)settings_erase_all(&s);
    return fake.kv_left > 0;
}

static bool is_old(void)
{
    return is_network("old", "old secret") && strcmp(s.gateway, "https://old:7860") == 0 &&
           strcmp(s.key, "old") == 0 && strcmp(s.fingerprint, pin) == 0 && s.ca[0] != '\0' &&
           fake_kv_is("identity", "old");
}

static bool is_new(void)
{
    return is_network("", "") && s.gateway[0] == '\0' && s.key[0] == '\0' && s.fingerprint[0] == '\0' &&
           s.ca[0] == '\0';
}

static void all_is_erased_or_nothing(void **state)
{
    uint32_t steps = 0, erased = 0;
    (void)state;
    for (bool whole = false; !whole; steps++) {
        whole = erase_all(steps);
        boot();
        bool fresh = is_new() && !fake_kv_is("identity", "old");
        assert_true(fresh || is_old());
        assert_true(fresh || !whole);
        erased += fresh;
        boot(); /* and stays so */
        assert_true(fresh ? is_new() : is_old());
    }
    assert_true(steps > 8 && erased == steps - 1); /* from the first write on */
}

/* What is begun is finished at the next boot, at which the power may fail as well. */
static void an_erasure_is_finished_however_often_the_power_fails(void **state)
{
    (void)state;
    for (uint32_t steps = 1; steps < 9; steps++)
        for (uint32_t again = 0; again < 9; again++) {
            (void)erase_all(steps);
            fake_restart();
            cut_after(again);
            settings_load(&s);
            assert_true(is_new());
            boot();
            assert_true(is_new());
        }
}

/* It was begun and failed: what is set since then is kept, or said not to be. */
static void what_is_set_after_an_erasure_is_not_erased(void **state)
{
    (void)state;
    for (uint32_t steps = 1; steps < 9; steps++) {
        (void)erase_all(steps);
        assert_int_equal(settings_set_wifi(&s, "new", "new secret"), SETTINGS_STORE);
        assert_true(is_network("new", "new secret"));
        fake.kv_cut = false;
        assert_int_equal(settings_set_wifi(&s, "new", "new secret"), SETTINGS_OK);
        assert_int_equal(settings_set(&s, "key", "new"), SETTINGS_OK);
        boot();
        assert_true(is_network("new", "new secret") && strcmp(s.key, "new") == 0 && s.gateway[0] == '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_is_the_old_or_the_new_one),
        cmocka_unit_test(power_that_fails_again_changes_nothing),
        cmocka_unit_test(what_is_said_later_counts),
        cmocka_unit_test(sixty_four_digits_are_a_key_and_nothing_else_of_that_length),
        cmocka_unit_test(what_is_given_and_too_short_for_a_password_is_none),
        cmocka_unit_test(a_name_is_taken_as_it_is),
        cmocka_unit_test(one_setting_is_the_old_or_the_new_one),
        cmocka_unit_test(without_a_store_what_is_set_can_be_taken_back),
        cmocka_unit_test(what_cannot_be_erased_counts_no_more),
        cmocka_unit_test(all_is_erased_or_nothing),
        cmocka_unit_test(an_erasure_is_finished_however_often_the_power_fails),
        cmocka_unit_test(what_is_set_after_an_erasure_is_not_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
