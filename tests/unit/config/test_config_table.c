/* The option table: kinds of values, lookups, and CONFIG SET as a transaction. */
#include "base/memory.h"
#include "base/option_rows.h"
#include "base/random.h"
#include "config/config_table.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct fruit {
    bool flag;
    int64_t number;
    int64_t bytes;
    int64_t share;
    int64_t mode;
    int color;
    int tastes;
    char *name;
    char *secret;
    int64_t list[8];
    int list_count;
};

static const struct option_name colors[] = {{"red", 3}, {"green", 7}, {"crimson", 3}, {NULL, 0}};
static const struct option_name tastes[] = {{"none", 0}, {"sweet", 1}, {"sour", 2}, {NULL, 0}};

static int check_name(const void *settings, struct buffer *error)
{
    const struct fruit *fruit = settings;
    if (!fruit->name || !strchr(fruit->name, '/'))
        return 0;
    buffer_append_text(error, "no slash please");
    return -1;
}

static int set_list(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct fruit *fruit = settings;
    if (argc == 0 || (argc == 1 && argv[0].size == 0)) {
        fruit->list_count = 0;
        return 0;
    }
    for (int i = 0; i < argc; i++) {
        if (fruit->list_count == 8 || argv[i].size != 1) {
            buffer_append_text(error, "bad list");
            return -1;
        }
        fruit->list[fruit->list_count++] = argv[i].data[0] - '0';
    }
    return 0;
}

static void get_list(const void *settings, struct buffer *out)
{
    const struct fruit *fruit = settings;
    for (int i = 0; i < fruit->list_count; i++)
        buffer_printf(out, "%s%d", i ? " " : "", (int)fruit->list[i]);
}

static int set_directive(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    (void)settings;
    (void)argc;
    (void)argv;
    (void)error;
    return 0;
}

static const struct option rows[] = {
    OPTION_ROW_BOOL(fruit, flag, "flag", "old-flag", 0, "yes"),
    OPTION_ROW_INT(fruit, number, "number", NULL, 0, "5", -10, 100),
    OPTION_ROW_MEMORY(fruit, bytes, "bytes", NULL, 0, "1mb", 1024, LLONG_MAX),
    OPTION_ROW_MEMORY(fruit, share, "share", NULL, OPTION_PERCENT, "0", -100, LLONG_MAX),
    {.name = "mode",
     .kind = OPTION_OCTAL,
     .offset = offsetof(struct fruit, mode),
     .default_text = "700",
     .maximum = 0777},
    OPTION_ROW_ENUM(fruit, color, "color", 0, "green", colors),
    {.name = "taste",
     .kind = OPTION_FLAGS,
     .flags = OPTION_MULTI_ARG,
     .offset = offsetof(struct fruit, tastes),
     .default_text = "none",
     .names = tastes},
    OPTION_ROW_STRING(fruit, name, "name", NULL, 0, "apple", check_name),
    OPTION_ROW_STRING(fruit, secret, "secret", NULL, OPTION_SENSITIVE, "", NULL),
    OPTION_ROW_CUSTOM("list", NULL, OPTION_MULTI_ARG | OPTION_REPEATED, "1 2", set_list, get_list,
                      NULL),
};

struct press {
    int64_t speed;
    int64_t fixed;
    int64_t locked;
    int64_t hidden;
    int guard;
};

static const struct option_name guards[] = {{"no", 0}, {"yes", 1}, {"local", 2}, {NULL, 0}};

static const struct option press_rows[] = {
    OPTION_ROW_INT(press, speed, "speed", NULL, OPTION_VOLATILE, "1", 0, 100),
    OPTION_ROW_INT(press, fixed, "fixed", NULL, OPTION_IMMUTABLE, "1", 0, 100),
    OPTION_ROW_INT(press, locked, "locked", NULL, OPTION_PROTECTED, "1", 0, 100),
    OPTION_ROW_INT(press, hidden, "hidden-one", NULL, OPTION_HIDDEN, "1", 0, 100),
    OPTION_ROW_ENUM(press, guard, "guard", OPTION_IMMUTABLE, "local", guards),
    OPTION_ROW_CUSTOM("directive", NULL, 0, NULL, set_directive, NULL, NULL),
};

/* What apply functions were told. */
struct seen {
    int calls;
    int64_t number;
    bool number_changed;
    bool flag_changed;
    bool fails;
};

static struct seen fruit_seen;
static struct seen press_seen;
static struct seen observer_seen;
static struct fruit fruit;
static struct press press;

/* Here, for its `error` is a parameter above. */
#include "config_rig.h"

static int apply(void *context, const struct option_changes *changes, struct buffer *reason)
{
    struct seen *seen = context;
    seen->calls++;
    seen->number = fruit.number;
    seen->number_changed = option_changed(changes, "number");
    seen->flag_changed = option_changed(changes, "flag");
    if (seen->fails)
        buffer_append_text(reason, "out of order");
    return seen->fails ? -1 : 0;
}

static const struct option_group fruit_group = {
    .name = "fruit", .options = rows, .count = sizeof rows / sizeof rows[0], .apply = apply};
static const struct option_group press_group = {.name = "press",
                                                .options = press_rows,
                                                .count = sizeof press_rows / sizeof press_rows[0],
                                                .apply = apply};

static void start(void)
{
    memset(&fruit, 0, sizeof fruit);
    memset(&press, 0, sizeof press);
    fruit_seen = press_seen = observer_seen = (struct seen){0};
    config = config_create();
    config_register(config, &fruit_group, &fruit, &fruit_seen);
    config_register(config, &press_group, &press, &press_seen);
    buffer_init(&error, 65536);
}

static void stop(void)
{
    config_destroy(config);
    cr_assert_null(fruit.name);
    buffer_deinit(&error);
}

TestSuite(config_table, .init = start, .fini = stop);

/* CONFIG SET with words separated by '|'. */
static enum config_set_result set(const char *line, bool may_set_protected)
{
    struct bytes argv[32];
    int argc = 0;
    for (const char *at = line; at; argc++) {
        const char *end = strchr(at, '|');
        argv[argc] = end ? bytes_of(at, (size_t)(end - at)) : bytes_of_text(at);
        at = end ? end + 1 : NULL;
    }
    buffer_clear(&error);
    return config_set_many(config, argc, argv, may_set_protected, &error);
}

static void expect_set(const char *line)
{
    enum config_set_result result = set(line, false);
    cr_assert_eq(result, CONFIG_SET_DONE, "%s: %s", line, error.data);
}

static void expect_refused(const char *line, const char *text)
{
    cr_assert_eq(set(line, false), CONFIG_SET_FAILED, "%s was taken", line);
    cr_assert_str_eq(error.data, text);
}

static void expect_reason(const char *name, const char *value, const char *reason)
{
    char line[512];
    char text[512];
    snprintf(line, sizeof line, "%s|%s", name, value);
    snprintf(text, sizeof text, "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
             name, reason);
    expect_refused(line, text);
}

Test(config_table, defaults)
{
    expect_value("flag", "yes");
    expect_value("OLD-flag", "yes");
    expect_value("number", "5");
    expect_value("bytes", "1048576");
    expect_value("share", "0");
    expect_value("mode", "700");
    expect_value("color", "green");
    expect_value("taste", "none");
    expect_value("name", "apple");
    expect_value("secret", "");
    expect_value("list", "1 2");
    cr_assert_eq(fruit.bytes, 1048576);
    cr_assert_eq(fruit.mode, 0700);
    cr_assert_eq(fruit.color, 7);
    cr_assert_null(fruit.secret);
    cr_assert_eq(fruit_seen.calls, 0, "defaults are not applied");
    struct buffer out;
    buffer_init(&out, 64);
    cr_assert_eq(config_get_one(config, BYTES_LITERAL("nothing"), &out), -1);
    cr_assert_eq(config_value(config, "number"), 5);
    cr_assert_eq(config_value(config, "color"), 7);
}

Test(config_table, each_kind_takes_its_values)
{
    expect_set("flag|NO|number|-10|bytes|2kb|share|25%|mode|0644|color|RED|taste|sweet sour");
    expect_set("name|a pear|secret|x|list|7 8 9");
    expect_value("flag", "no");
    expect_value("number", "-10");
    expect_value("bytes", "2048");
    expect_value("share", "25%");
    cr_assert_eq(fruit.share, -25);
    expect_value("mode", "644");
    expect_value("color", "red");
    expect_value("taste", "sweet sour");
    expect_value("name", "a pear");
    expect_value("list", "7 8 9");
    expect_set("color|crimson|taste|none|list||name||share|3mb");
    expect_value("color", "red");
    expect_value("taste", "none");
    expect_value("list", "");
    expect_value("name", "");
    expect_value("share", "3145728");
    cr_assert_null(fruit.name);
}

Test(config_table, reasons_are_those_of_redis)
{
    expect_reason("flag", "maybe", "argument must be 'yes' or 'no'");
    expect_reason("number", "1x", "argument couldn't be parsed into an integer");
    expect_reason("number", "", "argument couldn't be parsed into an integer");
    expect_reason("number", "+1", "argument couldn't be parsed into an integer");
    expect_reason("number", "101", "argument must be between -10 and 100 inclusive");
    expect_reason("number", "-11", "argument must be between -10 and 100 inclusive");
    expect_reason("bytes", "two", "argument must be a memory value");
    expect_reason("bytes", "-1", "argument must be a memory value");
    expect_reason("bytes", "1023",
                  "argument must be between 1024 and 9223372036854775807 inclusive");
    expect_reason("bytes", "18446744073709551615",
                  "argument must be between 1024 and 9223372036854775807 inclusive");
    expect_reason("share", "two", "argument must be a memory or percent value");
    expect_reason("share", "%", "argument must be a memory or percent value");
    expect_reason("share", "-1%", "argument must be a memory or percent value");
    expect_reason("share", "101%", "percentage argument must be less or equal to 100");
    expect_reason("mode", "8", "argument couldn't be parsed as an octal number");
    expect_reason("mode", "1000", "argument must be between 0 and 777 inclusive");
    expect_reason("color", "blue", "argument(s) must be one of the following: red, green, crimson");
    expect_reason("color", "red green",
                  "argument(s) must be one of the following: red, green, crimson");
    expect_reason("taste", "sweet salty",
                  "argument(s) must be one of the following: none, sweet, sour");
    expect_reason("taste", "", "argument(s) must be one of the following: none, sweet, sour");
    expect_reason("name", "a/b", "no slash please");
    expect_reason("list", "12", "bad list");
    expect_reason("fixed", "2", "can't set immutable config");
    expect_reason("locked", "2", "can't set protected config");
    expect_value("name", "apple");
    expect_value("list", "1 2");
    cr_assert_eq(fruit_seen.calls + press_seen.calls, 0);
}

/* -- trials -- */

struct trial {
    int calls;
    int64_t number; /* as seen in the settings */
    bool has_number_changed;
    const char *refusal;
};

static int on_trial(void *context, const struct option_changes *changes, struct buffer *reason)
{
    struct trial *trial = context;
    trial->calls++;
    trial->number = fruit.number;
    trial->has_number_changed = option_changed(changes, "number");
    if (!trial->refusal)
        return 0;
    (void)buffer_append_text(reason, trial->refusal);
    return -1;
}

static enum config_set_result try_two(const char *number, const char *color)
{
    struct bytes argv[] = {BYTES_LITERAL("number"), bytes_of_text(number), BYTES_LITERAL("color"),
                           bytes_of_text(color)};
    buffer_clear(&error);
    struct config_rehearsal *rehearsal = config_rehearsal_begin(config);
    enum config_set_result result = config_rehearse(rehearsal, 4, argv, false, &error);
    config_rehearsal_end(rehearsal);
    return result;
}

static void expect_nothing_happened(void)
{
    expect_value("number", "5");
    expect_value("color", "green");
    cr_assert_eq(fruit_seen.calls + press_seen.calls, 0);
}

Test(config_table, a_trial_sees_new_values_and_leaves_the_old)
{
    struct trial trial = {0};
    config_observe_trial(config, "fruit", on_trial, &trial);
    cr_assert_eq(try_two("7", "red"), CONFIG_SET_DONE);
    cr_assert_eq(trial.calls, 1);
    cr_assert_eq(trial.number, 7);
    cr_assert(trial.has_number_changed);
    expect_nothing_happened();
    cr_assert_eq(try_two("5", "red"), CONFIG_SET_DONE);
    cr_assert(!trial.has_number_changed);
    cr_assert_eq(try_two("5", "green"), CONFIG_SET_DONE);
    cr_assert_eq(trial.calls, 2, "nothing changes, so nobody is asked");
    expect_nothing_happened();
}

Test(config_table, a_trial_refuses_as_config_set_would)
{
    struct trial trial = {.refusal = "not today"};
    config_observe_trial(config, "fruit", on_trial, &trial);
    cr_assert_eq(try_two("7", "blue"), CONFIG_SET_FAILED);
    cr_assert_eq(trial.calls, 0);
    cr_assert_eq(try_two("7", "red"), CONFIG_SET_FAILED);
    cr_assert_str_eq(error.data, "ERR CONFIG SET failed (possibly related to argument 'number') - "
                                 "not today");
    expect_nothing_happened();
}

static enum config_set_result rehearse(struct config_rehearsal *rehearsal, const char *name,
                                       const char *value)
{
    struct bytes argv[] = {bytes_of_text(name), bytes_of_text(value)};
    buffer_clear(&error);
    return config_rehearse(rehearsal, 2, argv, false, &error);
}

Test(config_table, a_rehearsal_builds_on_what_was_not_refused)
{
    struct trial trial = {0};
    config_observe_trial(config, "fruit", on_trial, &trial);
    struct config_rehearsal *rehearsal = config_rehearsal_begin(config);
    cr_assert_eq(rehearse(rehearsal, "number", "7"), CONFIG_SET_DONE);
    cr_assert_eq(rehearse(rehearsal, "color", "red"), CONFIG_SET_DONE);
    cr_assert_eq(trial.number, 7, "that of the one before");
    cr_assert_not(trial.has_number_changed);
    trial.refusal = "not today";
    cr_assert_eq(rehearse(rehearsal, "number", "8"), CONFIG_SET_FAILED);
    trial.refusal = NULL;
    cr_assert_eq(rehearse(rehearsal, "number", "nonsense"), CONFIG_SET_FAILED);
    expect_value("number", "7");
    cr_assert_eq(rehearse(rehearsal, "number", "9"), CONFIG_SET_DONE);
    expect_value("number", "9");
    config_rehearsal_end(rehearsal);
    expect_nothing_happened();
}

Test(config_table, a_value_with_a_null_character_is_refused)
{
    struct bytes argv[] = {BYTES_LITERAL("name"), bytes_of("a\0b", 3)};
    cr_assert_eq(config_set_many(config, 2, argv, false, &error), CONFIG_SET_FAILED);
    expect_value("name", "apple");
}

Test(config_table, a_very_long_value_is_refused)
{
    char *text = malloc(CONFIG_VALUE_SIZE_MAX + 1);
    memset(text, 'a', CONFIG_VALUE_SIZE_MAX + 1);
    struct bytes argv[] = {BYTES_LITERAL("name"), bytes_of(text, CONFIG_VALUE_SIZE_MAX + 1)};
    cr_assert_eq(config_set_many(config, 2, argv, false, &error), CONFIG_SET_FAILED);
    argv[1].size = CONFIG_VALUE_SIZE_MAX;
    cr_assert_eq(config_set_many(config, 2, argv, false, &error), CONFIG_SET_DONE);
    cr_assert_eq(strlen(fruit.name), CONFIG_VALUE_SIZE_MAX);
    free(text);
}

Test(config_table, names_are_checked_before_anything_is_set)
{
    expect_refused("number|6|nothing|1",
                   "ERR Unknown option or number of arguments for CONFIG SET - 'nothing'");
    expect_refused("directive|1",
                   "ERR Unknown option or number of arguments for CONFIG SET - 'directive'");
    expect_refused("number|6|NUMBER|7",
                   "ERR CONFIG SET failed (possibly related to argument 'NUMBER') - duplicate "
                   "parameter");
    expect_refused("flag|no|old-flag|yes",
                   "ERR CONFIG SET failed (possibly related to argument 'old-flag') - duplicate "
                   "parameter");
    cr_assert_eq(set("number|6|flag", false), CONFIG_SET_SYNTAX);
    expect_value("number", "5");
    expect_value("flag", "yes");
}

Test(config_table, a_bad_value_takes_back_the_earlier_ones)
{
    expect_refused("number|6|name|pear|list|3 4|secret|s|flag|maybe",
                   "ERR CONFIG SET failed (possibly related to argument 'flag') - argument must be "
                   "'yes' or 'no'");
    expect_value("number", "5");
    expect_value("name", "apple");
    expect_value("list", "1 2");
    expect_value("secret", "");
    cr_assert_eq(fruit_seen.calls, 0);
}

Test(config_table, groups_are_applied_once_with_what_changed)
{
    expect_set("number|6|flag|yes|name|pear|speed|9");
    cr_assert_eq(fruit_seen.calls, 1);
    cr_assert_eq(fruit_seen.number, 6);
    cr_assert(fruit_seen.number_changed);
    cr_assert_not(fruit_seen.flag_changed, "it had this value");
    cr_assert_eq(press_seen.calls, 1);
    expect_set("number|6");
    cr_assert_eq(fruit_seen.calls, 1, "nothing changed");
    expect_set("speed|9");
    cr_assert_eq(press_seen.calls, 2, "volatile: the same value counts");
}

Test(config_table, a_failed_apply_takes_everything_back)
{
    press_seen.fails = true;
    expect_refused("number|6|speed|9",
                   "ERR CONFIG SET failed (possibly related to argument 'speed') - out of order");
    expect_value("number", "5");
    expect_value("speed", "1");
    cr_assert_eq(fruit_seen.calls, 2, "applied, and again with the old value");
    cr_assert_eq(fruit_seen.number, 5);
    cr_assert_eq(press_seen.calls, 1);
}

Test(config_table, observers_follow_and_may_refuse)
{
    config_observe(config, "fruit", apply, &observer_seen);
    expect_set("number|6");
    cr_assert_eq(observer_seen.calls, 1);
    observer_seen.fails = true;
    expect_refused("number|7",
                   "ERR CONFIG SET failed (possibly related to argument 'number') - out of order");
    cr_assert_eq(fruit.number, 6);
    cr_assert_eq(fruit_seen.number, 6, "the group was applied again with the old value");
}

Test(config_table, the_context_may_come_late)
{
    struct seen late = {0};
    config_set_apply_context(config, "fruit", &late);
    expect_set("number|6");
    cr_assert_eq(late.calls, 1);
    cr_assert_eq(fruit_seen.calls, 0);
}

Test(config_table, protected_and_guards)
{
    cr_assert_eq(set("locked|2", true), CONFIG_SET_DONE);
    cr_assert_eq(press.locked, 2);
    cr_assert(config_allows(config, "guard", true));
    cr_assert_not(config_allows(config, "guard", false));
    press.guard = 0;
    cr_assert_not(config_allows(config, "guard", true));
    press.guard = 1;
    cr_assert(config_allows(config, "guard", false));
    cr_assert_not(config_allows(config, "no-such-guard", true));
    cr_assert(config_is_sensitive(config, BYTES_LITERAL("SECRET")));
    cr_assert_not(config_is_sensitive(config, BYTES_LITERAL("name")));
    cr_assert_not(config_is_sensitive(config, BYTES_LITERAL("nothing")));
}

static char shown[4096];

static void show(const char *name, struct bytes value, void *context)
{
    (void)context;
    size_t used = strlen(shown);
    snprintf(shown + used, sizeof shown - used, "%s=%.*s;", name, (int)value.size, value.data);
}

static void expect_shown(const char *expected, int argc, const char *const *patterns)
{
    struct bytes argv[8];
    for (int i = 0; i < argc; i++)
        argv[i] = bytes_of_text(patterns[i]);
    shown[0] = '\0';
    config_get(config, argc, argv, show, NULL);
    cr_assert_str_eq(shown, expected);
}

Test(config_table, get_matches_names_and_aliases)
{
    expect_shown("flag=yes;old-flag=yes;", 1, (const char *[]){"*FLAG"});
    expect_shown("Number=5;", 3, (const char *[]){"Number", "number", "n?mber"});
    expect_shown("old-flag=yes;", 1, (const char *[]){"old-*"});
    expect_shown("hidden-one=1;", 2, (const char *[]){"hidden*", "hidden-one"});
    expect_shown("", 4, (const char *[]){"directive", "direct*", "[", ""});
    expect_shown("list=1 2;", 1, (const char *[]){"li[rst][a-z]"});
}

/* Start: one line after the other. */
static int load(const char *name, int argc, const char *const *words)
{
    struct bytes argv[8];
    for (int i = 0; i < argc; i++)
        argv[i] = bytes_of_text(words[i]);
    buffer_clear(&error);
    return config_set(config, bytes_of_text(name), argc, argv, &error);
}

Test(config_table, lines_of_a_list_add_up_from_the_first)
{
    cr_assert_eq(load("list", 1, (const char *[]){"3"}), 0);
    cr_assert_eq(load("list", 2, (const char *[]){"4", "5"}), 0);
    expect_value("list", "3 4 5");
    cr_assert_eq(load("list", 1, (const char *[]){""}), 0);
    expect_value("list", "");
    cr_assert_eq(load("list", 1, (const char *[]){"6 7"}), 0);
    expect_value("list", "6 7");
    expect_set("list|1");
    expect_value("list", "1");
}

Test(config_table, lines_of_the_start)
{
    cr_assert_eq(load("fixed", 1, (const char *[]){"2"}), 0);
    cr_assert_eq(press.fixed, 2);
    cr_assert_eq(load("directive", 2, (const char *[]){"a", "b"}), 0);
    cr_assert_eq(load("number", 2, (const char *[]){"1", "2"}), -1);
    cr_assert_str_eq(error.data, "wrong number of arguments");
    cr_assert_eq(load("number", 0, NULL), -1);
    cr_assert_str_eq(error.data, "wrong number of arguments");
    cr_assert_eq(load("numbers", 1, (const char *[]){"1"}), -1);
    cr_assert_str_eq(error.data, "Bad directive or wrong number of arguments");
    cr_assert_eq(fruit_seen.calls + press_seen.calls, 0);
    cr_assert_str_eq(config_nearest_name(config, BYTES_LITERAL("numbr")), "number");
    cr_assert_null(config_nearest_name(config, BYTES_LITERAL("zzz")));
}

/* Random transactions against a model: either all or nothing. */
Test(config_table, random_transactions)
{
    struct random_state random;
    random_state_seed(&random, 42);
    int64_t number = 5;
    int64_t bytes = 1048576;
    int64_t speed = 1;
    for (int i = 0; i < 5000; i++) {
        int64_t new_number = (int64_t)(random_state_next(&random) % 140) - 20;
        int64_t new_bytes = (int64_t)(random_state_next(&random) % 5000);
        int64_t new_speed = (int64_t)(random_state_next(&random) % 100);
        press_seen.fails = random_state_next(&random) % 4 == 0;
        char line[128];
        snprintf(line, sizeof line, "speed|%d|number|%d|bytes|%d", (int)new_speed, (int)new_number,
                 (int)new_bytes);
        bool is_right =
            new_number >= -10 && new_number <= 100 && new_bytes >= 1024 && !press_seen.fails;
        cr_assert_eq(set(line, false) == CONFIG_SET_DONE, is_right, "%s", line);
        if (is_right) {
            number = new_number;
            bytes = new_bytes;
            speed = new_speed;
        }
        cr_assert_eq(fruit.number, number);
        cr_assert_eq(fruit.bytes, bytes);
        cr_assert_eq(press.speed, speed);
    }
}
