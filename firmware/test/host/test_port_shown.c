/* What a display has room for. */
#include "bsd.h"
#include "check.h"

static void what_does_not_fit_is_cut_between_letters(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {{"short", "short"},
                 {"1234567", "1234567"},
                 {"12345678", "1234567"},
                 {"123456\xC3\xBC", "123456"},
                 {"\xE4\xBD\xA0\xE5\xA5\xBD\xE5\x90\x97", "\xE4\xBD\xA0\xE5\xA5\xBD"}};
    char shown[8];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        shown_put(shown, sizeof shown, cases[i].text);
        assert_string_equal(shown, cases[i].shown);
    }
}

static void of_a_long_answer_the_last_words_are_there(void **state)
{
    (void)state;
    assert_string_equal(shown_last_words("one two", 7), "one two");
    assert_string_equal(shown_last_words("one two three", 8), "three");
    assert_string_equal(shown_last_words("incomprehensibly", 4), "ibly");
    assert_string_equal(shown_last_words("12345\xC3\xBC", 3), "5\xC3\xBC");
    assert_string_equal(shown_last_words("12345\xC3\xBC", 1), "");
    assert_string_equal(shown_last_words("incomprehensibly ", 5), "ibly "); /* and not nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_cut_between_letters),
        cmocka_unit_test(of_a_long_answer_the_last_words_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
