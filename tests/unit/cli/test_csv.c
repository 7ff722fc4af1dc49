/* Registers as custodians export them: good ones, and every way to be bad. */
#include "cli/csv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEAD "证券代码,股东名称,证件类型,证件号码,持股数量,股份性质,取得日期\n"

static enum err parse(struct csv_register *r,
                      const char *text,
                      uint64_t issued,
                      uint32_t *line,
                      char why[200])
{
    return csv_parse(r, bytes_of(text, strlen(text)), issued, line, why, 200);
}

static void test_csv_good_register_is_read(void **state)
{
    struct csv_register r;
    uint32_t line;
    char why[200];

    (void)state;
    assert_int_equal(
        parse(&r,
              "\xef\xbb\xbf" HEAD
              "100001,\"张, 三\",身份证,A1,100,自然人股,2020-02-29\r\n"
              "100001,李四,身份证,A2,200,46,2021-01-01\n"
              ",合计,,,300,,\n",
              300,
              &line,
              why),
        ERR_NONE);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.total, 300);
    assert_string_equal(r.code, "100001");
    assert_string_equal(r.lines[0].name, "张, 三");
    assert_int_equal(r.lines[0].nature, 24);
    assert_int_equal(r.lines[1].nature, 46);
    csv_free(&r);
}

/* The same header and one line, in GB18030. */
#define GB18030                                                          \
    "\xd6\xa4\xc8\xaf\xb4\xfa\xc2\xeb,\xb9\xc9\xb6\xab\xc3\xfb\xb3\xc6," \
    "\xd6\xa4\xbc\xfe\xc0\xe0\xd0\xcd,\xd6\xa4\xbc\xfe\xba\xc5\xc2\xeb," \
    "\xb3\xd6\xb9\xc9\xca\xfd\xc1\xbf,\xb9\xc9\xb7\xdd\xd0\xd4\xd6\xca," \
    "\xc8\xa1\xb5\xc3\xc8\xd5\xc6\xda\n"                                 \
    "100002,\xd5\xc5\xc8\xfd,X,A1,5,0,2020-01-01\n"

static void test_csv_gb18030_is_read(void **state)
{
    static const char text[] = GB18030;
    struct csv_register r;
    uint32_t line;
    char why[200];

    (void)state;
    assert_int_equal(parse(&r, text, 0, &line, why), ERR_NONE);
    assert_string_equal(r.lines[0].name, "张三");
    csv_free(&r);
}

/* The line is that of the byte, though the first line is no UTF-8 either. */
static void test_csv_bad_gb18030_names_its_line(void **state)
{
    struct csv_register r;
    uint32_t line;
    char why[200];

    (void)state;
    assert_int_equal(parse(&r,
                           GB18030 "100002,\xd5\xff,X,A2,5,0,2020-01-01\n"
                                   "100002,Y,X,A3,5,0,2020-01-01\n",
                           0,
                           &line,
                           why),
                     ERR_RANGE);
    assert_int_equal(line, 3);
    assert_string_equal(why, "neither UTF-8 nor GB18030");
}

/* Its bytes would pass for GB18030, and its columns for missing. */
static void test_csv_bad_utf8_is_not_taken_for_gb18030(void **state)
{
    struct csv_register r;
    uint32_t line;
    char why[200];

    (void)state;
    assert_int_equal(parse(&r,
                           HEAD "100001,张三,身份证,A1,1,0,2020-01-01\n"
                                "100001,\xd5\xc5,身份证,A2,1,0,2020-01-01\n",
                           0,
                           &line,
                           why),
                     ERR_RANGE);
    assert_int_equal(line, 3);
    assert_string_equal(why, "not UTF-8, as the file is that far");
}

static void test_csv_bad_cases_name_their_line(void **state)
{
#define LINE "100001,张三,身份证,A1,100,0,2020-01-01\n"
    static const struct {
        const char *text;
        uint64_t issued;
        uint32_t line;
    } cases[] = {
        {"证券代码,股东名称\n" LINE, 0, 1},
        {"证券代码,证券代码\n", 0, 1},
        {"证券代码,证券代码,股东名称,证件类型,证件号码,持股数量,股份性质,"
         "取得日期\n100001,100001,张三,身份证,A1,100,0,2020-01-01\n",
         0,
         1},
        {HEAD, 0, 2},
        {HEAD LINE LINE, 0, 3},
        {HEAD LINE "100001,张三,身份证,a 1,100,0,2020-01-01\n", 0, 3},
        {HEAD LINE "100002,李四,身份证,A2,1,0,2020-01-01\n", 0, 3},
        {HEAD LINE, 101, 3},
        {HEAD LINE ",合计,,,99,,\n", 0, 3},
        {HEAD "100001,张三,身份证,A1,-1,0,2020-01-01\n", 0, 2},
        {HEAD "100001,张三,身份证,A1,1.5,0,2020-01-01\n", 0, 2},
        {HEAD "100001,张三,身份证,A1,\"1,000\",0,2020-01-01\n", 0, 2},
        {HEAD "100001,张三,身份证,A1,1,000,0,2020-01-01\n", 0, 2},
        {HEAD "100001,张三,身份证,A1,0,0,2020-01-01\n", 0, 2},
        {HEAD "100001,张三,身份证,A1,1,100,2020-01-01\n", 0, 2},
        {HEAD "100001,张三,身份证,A1,1,0,2021-02-29\n", 0, 2},
        {HEAD "100001,,身份证,A1,1,0,2020-01-01\n", 0, 2},
        {HEAD "100001,张\x1b[2J,身份证,A1,1,0,2020-01-01\n", 0, 2},
        {HEAD "100001,\"张\n三\",身份证,A1,1,0,2020-01-01\n", 0, 2},
        {HEAD "100001,张三,身份证,A1,1\n", 0, 2},
        {HEAD "100001,\"张三,身份证,A1,1,0,2020-01-01\n", 0, 2},
        {HEAD "100001,张\"三,身份证,A1,1,0,2020-01-01\n", 0, 2},
        {HEAD LINE "100001,\xff\x80,身份证,A2,1,0,2020-01-01\n", 0, 3},
        {HEAD "100001,张三,身份证,A1,18446744073709551615,0,2020-01-01\n"
              "100001,李四,身份证,A2,1,0,2020-01-01\n",
         0,
         3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct csv_register r;
        uint32_t line = 0;
        char why[200] = "";

        assert_int_equal(parse(&r, cases[i].text, cases[i].issued, &line, why),
                         ERR_RANGE);
        assert_int_equal(line, cases[i].line);
        assert_true(strlen(why) > 5);
        assert_int_equal(r.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_good_register_is_read),
        cmocka_unit_test(test_csv_gb18030_is_read),
        cmocka_unit_test(test_csv_bad_gb18030_names_its_line),
        cmocka_unit_test(test_csv_bad_utf8_is_not_taken_for_gb18030),
        cmocka_unit_test(test_csv_bad_cases_name_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
