/* The simulated board's settings: they go one by one, as a chip's do. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "host.h"

static char folder[] = "/tmp/test_port_kv.XXXXXX", stuck[64];

static int setup(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(stuck, sizeof stuck, "%s/stuck", folder);
    host_store_open(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)rmdir(stuck);
    assert_int_equal(port_kv_erase_all("mark"), PORT_OK);
    return rmdir(folder);
}

static void put(const char *name)
{
    assert_int_equal(port_kv_set(name, (const uint8_t *)"1", 1), PORT_OK);
}

static bool stands(const char *name)
{
    uint8_t value[1];
    size_t len;
    return port_kv_get(name, value, sizeof value, &len) == PORT_OK;
}

static void all_is_erased(void **state)
{
    (void)state;
    put("ssid");
    put("mark");
    put("key");
    assert_int_equal(port_kv_erase_all("mark"), PORT_OK);
    assert_false(stands("ssid") || stands("mark") || stands("key"));
    put("ssid");
    assert_int_equal(port_kv_erase_all("mark"), PORT_OK); /* nor does it have to be there */
    assert_false(stands("ssid"));
}

static void the_last_stands_until_no_other_does(void **state)
{
    (void)state;
    put("ssid");
    put("mark");
    assert_int_equal(mkdir(stuck, 0700), 0); /* no file, and so not erased */
    assert_int_equal(port_kv_erase_all("mark"), PORT_ERR_IO);
    assert_true(stands("mark"));
    assert_false(stands("ssid"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_is_erased, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_stands_until_no_other_does, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
