/* Text helpers; the glob against a recursive model, and against patterns that blow up a naive one.
 */
#include "base/text.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool match(const char *pattern, const char *text)
{
    return text_glob_match(bytes_of_text(pattern), bytes_of_text(text), false);
}

Test(text, glob_examples)
{
    static const char *const yes[][2] = {{"*", "anything"},
                                         {"a*", "a"},
                                         {"", ""},
                                         {"h?llo", "hallo"},
                                         {"h*llo", "hllo"},
                                         {"h*llo", "heeello"},
                                         {"h[ae]llo", "hallo"},
                                         {"h[^e]llo", "hallo"},
                                         {"h[a-b]llo", "hbllo"},
                                         {"h[b-a]llo", "hallo"},
                                         {"h\\*llo", "h*llo"},
                                         {"***a***", "a"},
                                         {"a*b*c", "axxbyybzzc"},
                                         {"[abc", "b"},
                                         {"[\\]]", "]"},
                                         {"\\", "\\"},
                                         {"[a\\-z]", "-"},
                                         {"*.c", "a.b.c"},
                                         {"a[b-", "ab"},
                                         {"a[b-", "a-"},
                                         {"[^", "x"},
                                         {"?*?", "ab"},
                                         {"a\\", "a\\"},
                                         {"[a]]", "a]"}};
    static const char *const no[][2] = {{"", "a"},
                                        {"a", ""},
                                        {"*", ""},
                                        {"?", ""},
                                        {"h?llo", "hllo"},
                                        {"h[^e]llo", "hello"},
                                        {"h\\*llo", "hxllo"},
                                        {"a*b", "axc"},
                                        {"[a-c]", "d"},
                                        {"a*bc", "abcd"},
                                        {"[a\\-z]", "b"},
                                        {"*a*b", "b"},
                                        {"?*?", "a"},
                                        {"H", "h"},
                                        {"[", "a"},
                                        {"a[]b", "ab"},
                                        {"\\a", "b"}};
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        cr_assert(match(yes[i][0], yes[i][1]), "%s %s", yes[i][0], yes[i][1]);
    for (size_t i = 0; i < COUNT_OF(no); i++)
        cr_assert_not(match(no[i][0], no[i][1]), "%s %s", no[i][0], no[i][1]);
    cr_assert(text_glob_match(BYTES_LITERAL("HE[A-M]*"), BYTES_LITERAL("helLO"), true));
    cr_assert(text_glob_match(BYTES_LITERAL("a?\0c"), BYTES_LITERAL("a\0\0c"), false));
    cr_assert_not(text_glob_match(BYTES_LITERAL("[\\A]"), BYTES_LITERAL("a"), true));
}

/* Straight from the meaning of a star: it stands for each possible size in turn. Patterns of the
 * random test hold letters, stars and question marks only. */
static bool model(const char *pattern, size_t pattern_size, const char *text, size_t size)
{
    if (pattern_size == 0)
        return size == 0;
    if (pattern[0] == '*') {
        for (size_t skip = 0; skip <= size; skip++)
            if (model(pattern + 1, pattern_size - 1, text + skip, size - skip))
                return true;
        return false;
    }
    return size > 0 && (pattern[0] == '?' || pattern[0] == text[0]) &&
           model(pattern + 1, pattern_size - 1, text + 1, size - 1);
}

Test(text, glob_follows_the_model)
{
    struct random_state random;
    random_state_seed(&random, 11);
    int matched = 0;
    for (int i = 0; i < 200000; i++) {
        char pattern[8];
        char text[10];
        size_t pattern_size = random_state_next(&random) % (sizeof pattern + 1);
        size_t size = random_state_next(&random) % (sizeof text + 1);
        for (size_t j = 0; j < pattern_size; j++)
            pattern[j] = "ab*?*"[random_state_next(&random) % 5];
        for (size_t j = 0; j < size; j++)
            text[j] = "ab"[random_state_next(&random) % 2];
        bool expected = model(pattern, pattern_size, text, size) && (size > 0 || pattern_size == 0);
        matched += expected;
        cr_assert_eq(text_glob_match(bytes_of(pattern, pattern_size), bytes_of(text, size), false),
                     expected, "%.*s %.*s", (int)pattern_size, pattern, (int)size, text);
    }
    cr_assert_gt(matched, 10000);
}

Test(text, glob_is_not_exponential)
{
    char text[4096];
    memset(text, 'a', sizeof text);
    char pattern[512];
    for (size_t i = 0; i < sizeof pattern; i += 2)
        memcpy(pattern + i, "a*", 2);
    pattern[sizeof pattern - 1] = 'b';
    int64_t before = clock_thread_cpu_ns();
    cr_assert_not(
        text_glob_match(bytes_of(pattern, sizeof pattern), bytes_of(text, sizeof text), false));
    cr_assert_lt(clock_thread_cpu_ns() - before, 1000000000);
}

Test(text, quotes)
{
    struct buffer out;
    buffer_init(&out, 100);
    cr_assert_eq(text_quote(&out, BYTES_LITERAL("a\\b\"\n\r\t\a\b\x01\xff z\0")), 0);
    cr_assert_str_eq(out.data, "\"a\\\\b\\\"\\n\\r\\t\\a\\b\\x01\\xff z\\x00\"");
    buffer_deinit(&out);
    buffer_init(&out, 6);
    buffer_append_text(&out, "..");
    cr_assert_eq(text_quote(&out, BYTES_LITERAL("abc")), -1);
    cr_assert_str_eq(out.data, "..");
    cr_assert_eq(text_quote(&out, BYTES_LITERAL("ab")), 0);
    cr_assert_str_eq(out.data, "..\"ab\"");
    buffer_deinit(&out);
}

static void check_split(const char *line, int expected, const char *const *words)
{
    int count;
    char **args = text_split_args(line, &count, NULL);
    cr_assert_not_null(args, "%s", line);
    cr_assert_eq(count, expected, "%s: %d", line, count);
    for (int i = 0; i < count; i++)
        cr_assert_str_eq(args[i], words[i]);
    cr_assert_null(args[count]);
    text_free_args(args, count);
}

Test(text, splits)
{
    check_split("", 0, NULL);
    check_split("  \t\n", 0, NULL);
    check_split(" set  key value ", 3, (const char *[]){"set", "key", "value"});
    check_split("\"a b\" 'c d' e\"f g\"", 3, (const char *[]){"a b", "c d", "ef g"});
    check_split("\"\\x41\\n\\\"\\q\\xzz\"", 1, (const char *[]){"A\n\"qxzz"});
    check_split("'it\\'s' '\\n'", 2, (const char *[]){"it's", "\\n"});
    check_split("\"\" ''", 2, (const char *[]){"", ""});
    check_split("1 2 3 4 5 6 7 8 9 10", 10,
                (const char *[]){"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"});
    static const char *const bad[] = {"\"a", "'a", "\"a\"b", "'a'b", "a \"b\\", "a\"b", "\"a\\\""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int count = 5;
        size_t *sizes;
        cr_assert_null(text_split_args(bad[i], &count, &sizes), "%s", bad[i]);
        cr_assert_eq(count, 0);
        cr_assert_null(sizes);
    }
}

Test(text, split_tells_sizes)
{
    int count;
    size_t *sizes;
    char **args = text_split_args("ab \"c\\x00d\" \"\"", &count, &sizes);
    cr_assert_eq(count, 3);
    cr_assert_eq(sizes[0], 2);
    cr_assert_eq(sizes[1], 3);
    cr_assert_eq(sizes[2], 0);
    cr_assert_arr_eq(args[1], "c\0d", 4);
    mem_free(sizes);
    text_free_args(args, count);
    text_free_args(NULL, 0);
}

Test(text, quoted_text_splits_back)
{
    struct random_state random;
    random_state_seed(&random, 12);
    for (int i = 0; i < 5000; i++) {
        char data[30];
        size_t size = random_state_next(&random) % sizeof data;
        for (size_t j = 0; j < size; j++)
            data[j] = (char)random_state_next(&random);
        struct buffer out;
        buffer_init(&out, 1000);
        text_quote(&out, bytes_of(data, size));
        int count;
        size_t *sizes;
        char **args = text_split_args(out.data, &count, &sizes);
        cr_assert_eq(count, 1);
        cr_assert(bytes_equal(bytes_of(args[0], sizes[0]), bytes_of(data, size)));
        mem_free(sizes);
        text_free_args(args, count);
        buffer_deinit(&out);
    }
}

Test(text, cases)
{
    char text[] = "aZ@[`{\xc4\xe4 09";
    text_lower(text, sizeof text - 1);
    cr_assert_str_eq(text, "az@[`{\xc4\xe4 09");
    text_upper(text, sizeof text - 1);
    cr_assert_str_eq(text, "AZ@[`{\xc4\xe4 09");
}

Test(text, distances)
{
    static const struct {
        const char *a;
        const char *b;
        unsigned distance;
    } rows[] = {{"", "", 0},         {"abc", "", 3},
                {"", "abc", 3},      {"kitten", "sitting", 3},
                {"abcd", "acbd", 1}, {"maxmemroy", "maxmemory", 1},
                {"ca", "abc", 3},    {"tls-port", "tls-prot", 1},
                {"a", "b", 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_assert_eq(text_distance(bytes_of_text(rows[i].a), bytes_of_text(rows[i].b)),
                     rows[i].distance, "%s %s", rows[i].a, rows[i].b);
    char large[65];
    memset(large, 'a', sizeof large);
    cr_assert_gt(text_distance(bytes_of(large, 65), bytes_of(large, 65)), 64);
    cr_assert_eq(text_distance(bytes_of(large, 64), bytes_of(large, 64)), 0);
}

Test(text, secrets)
{
    cr_assert(text_equal_secret(BYTES_LITERAL("secret"), BYTES_LITERAL("secret")));
    cr_assert(text_equal_secret(BYTES_LITERAL(""), BYTES_LITERAL("")));
    cr_assert_not(text_equal_secret(BYTES_LITERAL("secret"), BYTES_LITERAL("secreT")));
    cr_assert_not(text_equal_secret(BYTES_LITERAL("secret"), BYTES_LITERAL("secre")));
    cr_assert_not(text_equal_secret(BYTES_LITERAL("aa"), BYTES_LITERAL("a")));
    cr_assert_not(text_equal_secret(BYTES_LITERAL(""), BYTES_LITERAL("a")));
    cr_assert_not(text_equal_secret(BYTES_LITERAL("\0"), BYTES_LITERAL("")));
}

Test(text, copies)
{
    char place[5];
    memset(place, 'x', sizeof place);
    cr_assert_eq(text_copy(place, sizeof place, "ab"), 2);
    cr_assert_str_eq(place, "ab");
    cr_assert_eq(text_copy(place, sizeof place, "abcdefgh"), 4);
    cr_assert_str_eq(place, "abcd");
    cr_assert_eq(text_copy(place, 1, "abc"), 0);
    cr_assert_str_eq(place, "");
}
