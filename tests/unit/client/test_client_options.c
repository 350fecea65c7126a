/* client-output-buffer-limit: several classes at once or none, sizes with units, both names. */
#include "client/client_options.h"

#include "base/memory.h"
#include <criterion/criterion.h>

static struct client_settings settings;
static struct buffer error;
static const struct option *row;

static void set_up(void)
{
    mem_init();
    settings = (struct client_settings){0};
    buffer_init(&error, 1000);
    for (size_t i = 0; i < client_options.count; i++)
        if (strcmp(client_options.options[i].name, "client-output-buffer-limit") == 0)
            row = &client_options.options[i];
    cr_assert_not_null(row);
}

TestSuite(client_options, .init = set_up);

static int set(const char *const *words)
{
    struct bytes argv[16];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = bytes_of_text(words[argc]);
    buffer_clear(&error);
    return row->set(&settings, argc, argv, &error);
}

#define SET(...) set((const char *const[]){__VA_ARGS__, NULL})

Test(client_options, several_classes_in_one_line)
{
    cr_assert_eq(SET("normal", "1mb", "0", "0", "replica", "2000", "1k", "60"), 0);
    cr_assert_eq(settings.output_limits[CLIENT_CLASS_NORMAL].hard_bytes, 1 << 20);
    cr_assert_eq(settings.output_limits[CLIENT_CLASS_REPLICA].hard_bytes, 2000);
    cr_assert_eq(settings.output_limits[CLIENT_CLASS_REPLICA].soft_bytes, 1000);
    cr_assert_eq(settings.output_limits[CLIENT_CLASS_REPLICA].soft_seconds, 60);
    cr_assert_eq(settings.output_limits[CLIENT_CLASS_PUBSUB].hard_bytes, 0);
    cr_assert_eq(SET("slave", "5", "0", "0"), 0);
    cr_assert_eq(settings.output_limits[CLIENT_CLASS_REPLICA].hard_bytes, 5);
}

Test(client_options, all_or_nothing)
{
    cr_assert_eq(SET("normal", "7", "0", "0", "pubsub", "x", "0", "0"), -1);
    cr_assert_eq(settings.output_limits[CLIENT_CLASS_NORMAL].hard_bytes, 0);
    cr_assert_eq(SET("normal", "7", "0"), -1);
    cr_assert_eq(SET("nobody", "7", "0", "0"), -1);
    cr_assert_eq(SET("normal", "7", "0", "-1"), -1);
    cr_assert_gt(error.size, 0);
}
