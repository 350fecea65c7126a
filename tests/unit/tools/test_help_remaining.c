/* What a hint shows behind what was typed. */
#include "tools/cli/help_remaining.c"

#include <criterion/criterion.h>

static void check(const char *syntax, const char *line, const char *expected)
{
    char out[256];
    help_remaining(syntax, bytes_of_text(line), out, sizeof(out));
    cr_assert_str_eq(out, expected, "'%s' behind '%s': '%s'", syntax, line, out);
}

Test(help_remaining, of_required_items)
{
    check("key value", "", "key value");
    check("key value", "  k ", "value");
    check("key value", "k v", "");
    check("key value", "k v w", "");
    check("", "k", "");
    check("key [key ...]", "a b c", "[key ...]");
    check("key BEFORE|AFTER pivot element", "l before", "pivot element");
}

Test(help_remaining, of_options)
{
    static const char set[] = "key value [NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL]";
    check(set, "k", "value [NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL]");
    check(set, "k v", "[NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL]");
    check(set, "k v ex", "seconds [NX|XX] [GET]");
    check(set, "k v ex 10", "[NX|XX] [GET]");
    check(set, "k v KEEPTTL get", "[NX|XX]");
    check(set, "k v nonsense", "[NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL]");
    /* A name in small letters is no token. */
    check("[seconds] key", "seconds", "");
}

Test(help_remaining, options_end_at_the_next_required_item)
{
    static const char zadd[] = "key [NX|XX] [CH] score member [score member ...]";
    check(zadd, "k nx", "[CH] score member [score member ...]");
    check(zadd, "k nx 1", "member [score member ...]");
    check(zadd, "k 1 m", "[score member ...]");
}

Test(help_remaining, options_with_options_inside)
{
    static const char sort[] =
        "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]]";
    check(sort, "k limit", "offset count [BY pattern] [GET pattern [GET pattern ...]]");
    check(sort, "k limit 0", "count [BY pattern] [GET pattern [GET pattern ...]]");
    check(sort, "k get", "pattern [GET pattern ...] [BY pattern] [LIMIT offset count]");
    check(sort, "k get x", "[GET pattern ...] [BY pattern] [LIMIT offset count]");
}

Test(help_remaining, of_broken_syntax_and_small_room)
{
    char out[8];
    help_remaining("[a|[b", bytes_of_text("x y"), out, sizeof(out));
    help_remaining("]] [ | ]", bytes_of_text("| ] ["), out, sizeof(out));
    help_remaining("[", bytes_of_text("["), out, sizeof(out));
    help_remaining("abcdefghijk lm", bytes_of_text(""), out, sizeof(out));
    cr_assert_str_eq(out, "abcdefg");
    help_remaining("abc def ghi", bytes_of_text(""), out, 1);
    cr_assert_str_eq(out, "");
}
