/* The configuration: strict, and the later source wins. */
#include "node/config.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct config c;
static char why[700];
static char path[64];

static int make(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof path, "/tmp/equity-config-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    config_defaults(&c);
    why[0] = '\0';
    return 0;
}

static int wipe(void **state)
{
    (void)state;
    unlink(path);
    unsetenv("EQUITYD_NODE_DIR");
    unsetenv("EQUITYD_NODE_DRI");
    unsetenv("EQUITYD_MEMPOOL_TXS");
    unsetenv("EQUITYD_PEERS_PEER_3");
    unsetenv("EQUITYD_NODE");
    return 0;
}

static enum err read_text(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
    why[0] = '\0';
    config_defaults(&c);
    return config_read_file(&c, path, why, sizeof why);
}

/* The file is refused, with this line and these words. */
static void refused(const char *text, int line, const char *words)
{
    char place[96];

    assert_int_equal(read_text(text), ERR_CONFIG);
    snprintf(place, sizeof place, "%s:%d: ", path, line);
    if (strstr(why, place) == NULL || strstr(why, words) == NULL)
        fail_msg("\"%s\" says neither %s nor \"%s\"", why, place, words);
}

static void test_config_good_file_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_text("; a comment\n"
                               "[node]\n"
                               "dir = /var/lib/equity   ; here\n"
                               "genesis = g.json\n"
                               "\n"
                               "[peers]\n"
                               "peer.2 = 10.0.0.2:7400\n"
                               "[mempool]\n"
                               "txs = 17\n"),
                     ERR_NONE);
    assert_string_equal(c.dir, "/var/lib/equity");
    assert_string_equal(c.peer[2], "10.0.0.2:7400");
    assert_int_equal(c.mempool_txs, 17);
    assert_string_equal(c.rpc_listen, "127.0.0.1:7500"); /* as before */
    assert_int_equal(config_check(&c, why, sizeof why), ERR_NONE);
}

static void test_config_bad_files_name_their_line(void **state)
{
    char text[400] = "[node]\ndir = ";
    size_t size;

    (void)state;
    refused("[node]\nbogus = 1\n", 2, "unknown key node.bogus");
    refused("[node]\n\ngenesys = g\n", 3, "did you mean node.genesis?");
    refused("[rpc]\ngenesis = g\n", 2, "did you mean node.genesis?");
    refused("[nodes]\ndir = x\n", 2, "did you mean node.dir?");
    refused("dir = x\n", 1, "unknown key");
    refused("[node]\ndir = x\ndir = y\n", 3, "node.dir is given twice");
    refused("[mempool]\ntxs = many\n", 2, "must be a number from 1 to");
    refused("[mempool]\ntxs = 0\n", 2, "must be a number from 1 to");
    refused("[mempool]\ntxs = -1\n", 2, "must be a number from 1 to");
    refused("[mempool]\ntxs = 1.5\n", 2, "must be a number from 1 to");
    refused("[log]\nlevel = inf\n", 2, "must be one of: debug info");
    refused("[peers]\npeer.32 = a:1\n", 2, "N of peer.N is 0 to 31");
    refused("[peers]\npeer.x = a:1\n", 2, "N of peer.N is 0 to 31");
    refused("[node]\nno equals sign\n", 2, "not an INI line");
    size = strlen(text);
    memset(text + size, 'x', 200);
    refused(text, 2, "longer than 190 characters");
}

static void test_config_missing_keys_are_told(void **state)
{
    (void)state;
    assert_int_equal(read_text("[node]\ndir = x\n"), ERR_NONE);
    assert_int_equal(config_check(&c, why, sizeof why), ERR_CONFIG);
    assert_non_null(strstr(why, "node.genesis is missing"));
    unlink(path);
    assert_int_equal(config_read_file(&c, path, why, sizeof why), ERR_CONFIG);
    assert_non_null(strstr(why, "No such file"));
}

static void test_config_environment_wins_over_the_file(void **state)
{
    (void)state;
    assert_int_equal(read_text("[node]\ndir = file\n[mempool]\ntxs = 5\n"),
                     ERR_NONE);
    setenv("EQUITYD_NODE_DIR", "environment", 1);
    setenv("EQUITYD_PEERS_PEER_3", "10.0.0.3:1", 1);
    assert_int_equal(config_read_environment(&c, why, sizeof why), ERR_NONE);
    assert_string_equal(c.dir, "environment");
    assert_string_equal(c.peer[3], "10.0.0.3:1");
    assert_int_equal(c.mempool_txs, 5);
    assert_int_equal(config_set(&c, "node", "dir", "flag", why, sizeof why),
                     ERR_NONE);
    assert_string_equal(c.dir, "flag");
}

static void test_config_bad_variables_are_named(void **state)
{
    (void)state;
    setenv("EQUITYD_NODE_DRI", "x", 1);
    assert_int_equal(config_read_environment(&c, why, sizeof why), ERR_CONFIG);
    assert_non_null(strstr(why, "did you mean node.dir?"));
    assert_non_null(strstr(why, "EQUITYD_NODE_DRI"));
    unsetenv("EQUITYD_NODE_DRI");
    setenv("EQUITYD_MEMPOOL_TXS", "x", 1);
    assert_int_equal(config_read_environment(&c, why, sizeof why), ERR_CONFIG);
    assert_non_null(strstr(why, "EQUITYD_MEMPOOL_TXS"));
    unsetenv("EQUITYD_MEMPOOL_TXS");
    setenv("EQUITYD_NODE", "x", 1);
    assert_int_equal(config_read_environment(&c, why, sizeof why), ERR_CONFIG);
}

static void test_config_addresses_are_host_and_port(void **state)
{
    char host[256];
    uint16_t port;

    (void)state;
    assert_int_equal(config_split_address(host, &port, "127.0.0.1:7400"),
                     ERR_NONE);
    assert_string_equal(host, "127.0.0.1");
    assert_int_equal(port, 7400);
    assert_int_equal(config_split_address(host, &port, "[::1]:65535"),
                     ERR_NONE);
    assert_string_equal(host, "::1");
    assert_int_equal(config_split_address(host, &port, "x"), ERR_CONFIG);
    assert_int_equal(config_split_address(host, &port, ":1"), ERR_CONFIG);
    assert_int_equal(config_split_address(host, &port, "x:65536"), ERR_CONFIG);
    assert_int_equal(config_split_address(host, &port, "x:-1"), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, wipe)
        TEST(test_config_good_file_is_read),
        TEST(test_config_bad_files_name_their_line),
        TEST(test_config_missing_keys_are_told),
        TEST(test_config_environment_wins_over_the_file),
        TEST(test_config_bad_variables_are_named),
        TEST(test_config_addresses_are_host_and_port),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
