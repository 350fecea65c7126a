/* LCS, against the replies of Redis and against a full table. */
#include "base/memory.h"
#include "base/random.h"
#include "command_suite.h"

COMMAND_SUITE(lcs, string_commands, lcs_commands);

Test(lcs, example)
{
    fixture_run(fx, "MSET x ohmytext y mynewtext");
    expect_reply(fx, "$6 mytext", "LCS x y");
    expect_reply(fx, ":6", "LCS x y LEN");
    expect_reply(fx, "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6",
                 "LCS x y IDX");
    expect_reply(fx, "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6",
                 "LCS x y IDX MINMATCHLEN 4 WITHMATCHLEN");
    expect_reply(fx, "*4 $7 matches *0 $3 len :6", "LCS x y IDX MINMATCHLEN 5");
    fx->client->protocol = 3;
    expect_reply(fx, "%2 $7 matches *1 *2 *2 :4 :7 *2 :5 :8 $3 len :6",
                 "LCS x y IDX MINMATCHLEN 4");
}

Test(lcs, edges)
{
    expect_reply(fx, "$0 ", "LCS none nope");
    expect_reply(fx, ":0", "LCS none nope LEN");
    expect_reply(fx, "*4 $7 matches *0 $3 len :0", "LCS none nope IDX");
    fixture_run(fx, "MSET a aaaa n 12345 m 345");
    expect_reply(fx, "$4 aaaa", "LCS a a");
    expect_reply(fx, "$3 345", "LCS n m");
    expect_reply(fx, "*4 $7 matches *1 *2 *2 :0 :3 *2 :0 :3 $3 len :4",
                 "LCS a a IDX MINMATCHLEN -5");
    expect_reply(fx, "-ERR If you want both the length and indexes, please just use IDX.",
                 "LCS a a LEN IDX");
    expect_reply(fx, "-ERR syntax error", "LCS a a MINMATCHLEN");
    expect_reply(fx, "-ERR value is not an integer or out of range", "LCS a a MINMATCHLEN x");
}

/* The length by the definition, and that the sequence really is common. */
static unsigned table_length(const char *a, size_t m, const char *b, size_t n)
{
    unsigned table[65][65] = {0};
    for (size_t i = 1; i <= m; i++)
        for (size_t j = 1; j <= n; j++) {
            unsigned up = table[i - 1][j];
            unsigned left = table[i][j - 1];
            table[i][j] = a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1 : (up > left ? up : left);
        }
    return table[m][n];
}

static bool is_subsequence(const char *part, size_t size, const char *of, size_t of_size)
{
    size_t found = 0;
    for (size_t i = 0; i < of_size && found < size; i++)
        found += of[i] == part[found];
    return found == size;
}

Test(lcs, random_strings)
{
    random_seed(3);
    for (int round = 0; round < 500; round++) {
        char a[64];
        char b[64];
        size_t m = random_below(sizeof(a)) + 1;
        size_t n = random_below(sizeof(b)) + 1;
        uint64_t letters = 1 + random_below(6);
        for (size_t i = 0; i < m; i++)
            a[i] = (char)('a' + random_below(letters));
        for (size_t i = 0; i < n; i++)
            b[i] = (char)('a' + random_below(letters));
        struct bytes mset[] = {BYTES_LITERAL("mset"), BYTES_LITERAL("a"), bytes_of(a, m),
                               BYTES_LITERAL("b"), bytes_of(b, n)};
        fixture_run_argv(fx, 5, mset);
        unsigned length = table_length(a, m, b, n);
        const char *sequence = strchr(fixture_run(fx, "LCS a b"), ' ') + 1;
        cr_assert_eq(strlen(sequence), length);
        cr_assert(is_subsequence(sequence, length, a, m));
        cr_assert(is_subsequence(sequence, length, b, n));
    }
}

Test(lcs, cve_2021_29477_overflow_of_the_table)
{
    static const char refused[] = "-ERR Insufficient memory, transient memory for LCS exceeds "
                                  "proto-max-bulk-len";
    enum { SIZE = 12000 };
    char *value = mem_alloc(SIZE);
    memset(value, 'a', SIZE);
    struct bytes set[] = {BYTES_LITERAL("set"), BYTES_LITERAL("a"), bytes_of(value, SIZE)};
    fixture_run_argv(fx, 3, set);
    expect_reply(fx, refused, "LCS a a");
    expect_reply(fx, refused, "LCS a a LEN");
    fx->client_settings.proto_max_bulk_len = 4 * 101 * 101;
    set[2].size = 100;
    fixture_run_argv(fx, 3, set);
    expect_reply(fx, ":100", "LCS a a LEN");
    set[2].size = 101;
    fixture_run_argv(fx, 3, set);
    expect_reply(fx, refused, "LCS a a LEN");
    mem_free(value);
}
