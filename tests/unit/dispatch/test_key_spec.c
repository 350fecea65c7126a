/* Where keys stand: the shapes of Redis's specifications, and hostile arguments for random ones. */
#include "dispatch/key_spec.h"

#include "base/memory.h"
#include "base/random.h"
#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(key_spec, .init = mem_init);

enum { ARGC_MAX = 32 };

/* The positions of the keys in a line of words, as text: "1 3 5", or "-1". */
static const char *find_with(const struct key_spec *keys, uint32_t flags, const char *line)
{
    static char text[256];
    static char words[256];
    struct command_spec spec = {.name = "x"};
    for (int i = 0; i < COMMAND_KEY_SPECS_MAX && keys[i].begin != KEY_SPEC_NONE; i++)
        spec.keys[i] = keys[i];
    struct command command = {.spec = &spec, .flags = flags};
    struct bytes argv[ARGC_MAX];
    int argc = 0;
    snprintf(words, sizeof(words), "%s", line);
    char *rest = words;
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "))
        argv[argc++] = bytes_of_text(word);
    struct key_position positions[ARGC_MAX];
    int count = command_find_keys(&command, argv, argc, positions, ARGC_MAX);
    text[0] = '\0';
    if (count < 0)
        return "-1";
    for (int i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d", i ? " " : "",
                 positions[i].index);
    return text;
}

static const char *find(const struct key_spec *keys, const char *line)
{
    return find_with(keys, 0, line);
}

#define SPECS(...)       ((const struct key_spec[COMMAND_KEY_SPECS_MAX + 1]){__VA_ARGS__})
#define INDEX(n)         .begin = KEY_SPEC_INDEX, .index = (n)
#define KEYWORD(word, n) .begin = KEY_SPEC_KEYWORD, .keyword = (word), .index = (n)
#define RANGE(l, s, m)   .find = KEY_FIND_RANGE, .last = (l), .step = (s), .limit = (m)
#define KEYNUM(at, f, s) .find = KEY_FIND_KEYNUM, .last = (at), .limit = (f), .step = (s)

Test(key_spec, ranges)
{
    const struct key_spec *one = SPECS({INDEX(1), RANGE(0, 1, 0)});
    cr_assert_str_eq(find(one, "get k"), "1");
    cr_assert_str_eq(find(one, "get"), "");
    const struct key_spec *all = SPECS({INDEX(1), RANGE(-1, 1, 0)});
    cr_assert_str_eq(find(all, "del a b c"), "1 2 3");
    const struct key_spec *pairs = SPECS({INDEX(1), RANGE(-1, 2, 0)});
    cr_assert_str_eq(find(pairs, "mset a 1 b 2"), "1 3");
    const struct key_spec *not_last = SPECS({INDEX(1), RANGE(-2, 1, 0)});
    cr_assert_str_eq(find(not_last, "blpop a b 0"), "1 2");
    const struct key_spec *two = SPECS({INDEX(1), RANGE(1, 1, 0)});
    cr_assert_str_eq(find(two, "rename a b"), "1 2");
    cr_assert_str_eq(find(two, "rename a"), "-1");
}

Test(key_spec, numbered)
{
    const struct key_spec *eval = SPECS({INDEX(2), KEYNUM(0, 1, 1)});
    cr_assert_str_eq(find(eval, "eval script 2 a b c"), "3 4");
    cr_assert_str_eq(find(eval, "zdiffstore k 0 c"), "-1");
    cr_assert_str_eq(find_with(eval, COMMAND_NO_MANDATORY_KEYS, "eval script 0 c"), "");
    cr_assert_str_eq(find(eval, "eval script 4 a b c"), "-1");
    cr_assert_str_eq(find(eval, "eval script -1 a"), "-1");
    cr_assert_str_eq(find(eval, "eval script x a"), "-1");
    cr_assert_str_eq(find(eval, "eval script 9223372036854775807 a"), "-1");
    const struct key_spec *store = SPECS({INDEX(1), RANGE(0, 1, 0)}, {INDEX(2), KEYNUM(0, 1, 1)});
    cr_assert_str_eq(find(store, "zunionstore d 2 a b weights 1 2"), "1 3 4");
}

Test(key_spec, keywords)
{
    const struct key_spec *streams = SPECS({KEYWORD("STREAMS", 1), RANGE(-1, 1, 2)});
    cr_assert_str_eq(find(streams, "xread count 1 streams a b 0 0"), "4 5");
    cr_assert_str_eq(find(streams, "xread count 1"), "");
    cr_assert_str_eq(find(streams, "xread streams"), "");
    const struct key_spec *backwards = SPECS({KEYWORD("KEYS", -2), RANGE(-1, 1, 0)});
    cr_assert_str_eq(find(backwards, "migrate h p x 0 1 keys a b"), "7 8");
    cr_assert_str_eq(find(backwards, "migrate h p keys 0 1"), "4 5");
}

Test(key_spec, what_is_no_key_is_left_out)
{
    const struct key_spec *channel = SPECS({.flags = KEY_NOT_KEY, INDEX(1), RANGE(0, 1, 0)});
    cr_assert_str_eq(find(channel, "spublish c m"), "");
}

Test(key_spec, counts_more_than_fit)
{
    struct command_spec spec = {.name = "del", .keys = KEY_ALL(KEY_RM, 1)};
    struct command command = {.spec = &spec};
    struct bytes argv[20];
    for (int i = 0; i < 20; i++)
        argv[i] = BYTES_LITERAL("x");
    struct key_position positions[3] = {{0}};
    cr_assert_eq(command_find_keys(&command, argv, 20, positions, 2), 19);
    cr_assert_eq(positions[0].index, 1);
    cr_assert_eq(positions[0].flags, KEY_RM);
    cr_assert_eq(positions[2].index, 0, "not written");
    cr_assert_eq(command_find_keys(&command, argv, 20, NULL, 0), 19);
}

static int pick(struct random_state *random, int bound)
{
    return (int)(random_state_next(random) % (uint64_t)bound);
}

Test(key_spec, hostile_arguments_stay_in_bounds)
{
    static const char *const words[] = {
        "0",    "1",       "2", "3", "-1", "99", "9223372036854775807", "-9223372036854775808",
        "keys", "streams", "",  "x"};
    struct random_state random;
    random_state_seed(&random, 77);
    for (int round = 0; round < 200000; round++) {
        struct command_spec spec = {.name = "x"};
        for (int i = pick(&random, COMMAND_KEY_SPECS_MAX); i >= 0; i--) {
            struct key_spec *keys = &spec.keys[i];
            keys->begin = pick(&random, 3) ? KEY_SPEC_INDEX : KEY_SPEC_KEYWORD;
            keys->keyword = words[8 + pick(&random, 2)];
            keys->index =
                keys->begin == KEY_SPEC_INDEX ? 1 + pick(&random, 4) : pick(&random, 6) - 3;
            keys->find = pick(&random, 2) ? KEY_FIND_RANGE : KEY_FIND_KEYNUM;
            keys->last = keys->find == KEY_FIND_RANGE ? pick(&random, 6) - 3 : pick(&random, 3);
            keys->step = 1 + pick(&random, 2);
            keys->limit = pick(&random, 3);
        }
        struct command command = {.spec = &spec};
        int argc = 1 + pick(&random, 9);
        struct bytes *argv = mem_alloc((size_t)argc * sizeof(*argv)); /* ASan sees its end */
        for (int i = 0; i < argc; i++)
            argv[i] = bytes_of_text(words[pick(&random, 12)]);
        struct key_position positions[8];
        int max = pick(&random, 9);
        int count = command_find_keys(&command, argv, argc, positions, max);
        cr_assert_geq(count, -1);
        for (int i = 0; i < count && i < max; i++)
            cr_assert(positions[i].index > 0 && positions[i].index < argc);
        mem_free(argv);
    }
}
