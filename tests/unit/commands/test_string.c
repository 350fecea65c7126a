/* The string commands, against the replies of Redis. */
#include "command_fixture.h"
#include "commands/all.h"
#include <criterion/criterion.h>

static struct command_fixture *fx;

static void setup(void)
{
    static const struct command_spec *const tables[] = {string_commands, keys_commands,
                                                        expire_commands, NULL};
    fx = fixture_create(tables);
}

static void teardown(void)
{
    fixture_destroy(fx);
}

TestSuite(string, .init = setup, .fini = teardown);

Test(string, set_get_del)
{
    expect_reply(fx, "$-1", "GET k");
    expect_reply(fx, "+OK", "SET k hello");
    cr_assert_eq(fx->dirty, 1);
    cr_assert_str_eq(fx->events, "set:k");
    expect_reply(fx, "$5 hello", "GET k");
    expect_reply(fx, "+OK", "SET k 12345");
    expect_reply(fx, "$5 12345", "GET k");
    expect_reply(fx, ":1", "DEL k nothing");
    expect_reply(fx, "$-1", "GET k");
    expect_reply(fx, "+OK", "SET k \"\"");
    expect_reply(fx, "$0 ", "GET k");
}
