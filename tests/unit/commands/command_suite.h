/* What the suites of commands have in common: a fixture for each test, and replies that many
 * commands give. Included by one file of a test program. */
#ifndef TEST_COMMAND_SUITE_H
#define TEST_COMMAND_SUITE_H

#include "command_fixture.h"
#include "commands/all.h"
#include <criterion/criterion.h>

#define WRONGTYPE    "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INTEGER  "-ERR value is not an integer or out of range"
#define NOT_POSITIVE "-ERR value is out of range, must be positive"
#define SYNTAX       "-ERR syntax error"

static struct command_fixture *fx;

static inline void destroy_fixture(void)
{
    fixture_destroy(fx);
}

/* The suite `name`; each of its tests begins with a new fixture of the tables of commands. */
#define COMMAND_SUITE(name, ...)                                                                   \
    static void create_fixture(void)                                                               \
    {                                                                                              \
        static const struct command_spec *const tables[] = {__VA_ARGS__, NULL};                    \
        fx = fixture_create(tables);                                                               \
    }                                                                                              \
    TestSuite(name, .init = create_fixture, .fini = destroy_fixture)

#define expect(expected, ...) expect_reply(fx, expected, __VA_ARGS__)

/* What the last command told. */
#define expect_told(changes, what)                                                                 \
    do {                                                                                           \
        cr_assert_eq(fx->dirty, changes);                                                          \
        cr_assert_str_eq(fx->events, what, "events: %s", fx->events);                              \
    } while (0)

#endif
