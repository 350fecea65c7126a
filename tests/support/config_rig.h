/* Asks and sets options of `config`, a configuration without a server. Included by one file of a
 * test program. */
#ifndef SUPPORT_CONFIG_RIG_H
#define SUPPORT_CONFIG_RIG_H

#include "config/config_table.h"
#include <criterion/criterion.h>

static struct config *config;
static struct buffer error; /* what was wrong last */

/* What CONFIG GET shows. */
static inline void expect_value(const char *name, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 65536);
    buffer_append(&out, "", 0);
    cr_assert_eq(config_get_one(config, bytes_of_text(name), &out), 0, "no option '%s'", name);
    cr_assert_str_eq(out.data, expected, "%s is '%s', not '%s'", name, out.data, expected);
    buffer_deinit(&out);
}

/* CONFIG SET of one option. */
static inline enum config_set_result try_value(const char *name, const char *value)
{
    struct bytes argv[] = {bytes_of_text(name), bytes_of_text(value)};
    buffer_clear(&error);
    return config_set_many(config, 2, argv, true, &error);
}

static inline void set_value(const char *name, const char *value)
{
    cr_assert_eq(try_value(name, value), CONFIG_SET_DONE, "%s %s: %s", name, value, error.data);
}

#endif
