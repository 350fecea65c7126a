/* The command line. */
#include "server/arguments.h"

#include "base/memory.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

static struct arguments arguments;

static enum arguments_result run(int argc, const char *const *words)
{
    char *argv[16] = {(char *)(uintptr_t) "src/redis-server"};
    for (int i = 0; i < argc; i++)
        argv[i + 1] = (char *)(uintptr_t)words[i];
    return arguments_parse(argc + 1, argv, &arguments);
}

static void expect_options(const char *expected, int argc, const char *const *words)
{
    cr_assert_eq(run(argc, words), ARGUMENTS_RUN);
    const char *options = arguments.options.data ? arguments.options.data : "";
    cr_assert_str_eq(options, expected, "got '%s'", options);
    arguments_deinit(&arguments);
}

#define WORDS(...)                                                                                 \
    (const char *[])                                                                               \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

Test(arguments, nothing)
{
    cr_assert_eq(run(0, NULL), ARGUMENTS_RUN);
    cr_assert_null(arguments.config_path);
    cr_assert_not(arguments.reads_stdin);
    cr_assert_not(arguments.checks_config);
    cr_assert_eq(arguments.options.size, 0);
    arguments_deinit(&arguments);
}

Test(arguments, options_become_lines)
{
    expect_options("port \"6380\" ", 2, WORDS("--port", "6380"));
    expect_options("port \"6380\" \nbind \"127.0.0.1\" \"-::1\" ", 5,
                   WORDS("--port", "6380", "--bind", "127.0.0.1", "-::1"));
    expect_options("port 6380 \ntimeout \"5\" ", 3, WORDS("--port 6380", "--timeout", "5"));
    expect_options("requirepass \"a \\\"b\\\"\" ", 2, WORDS("--requirepass", "a \"b\""));
    expect_options("requirepass \"--secret\" \nport \"1\" ", 4,
                   WORDS("--requirepass", "--secret", "--port", "1"));
    expect_options("logfile \"\" ", 2, WORDS("--logfile", ""));
}

Test(arguments, an_empty_save)
{
    expect_options("save \"\" ", 2, WORDS("--save", ""));
    expect_options("save \"\"", 1, WORDS("--save"));
    expect_options("save \"\"\nport \"1\" ", 3, WORDS("--save", "--port", "1"));
    expect_options("save \"60\" \"5\" ", 3, WORDS("--save", "60", "5"));
    expect_options("save \"60 5\" ", 2, WORDS("--save", "60 5"));
}

Test(arguments, file_first_then_stdin_and_options)
{
    cr_assert_eq(run(4, WORDS("/etc/redis.conf", "--port", "1", "-")), ARGUMENTS_RUN);
    cr_assert_str_eq(arguments.config_path, "/etc/redis.conf");
    cr_assert(arguments.reads_stdin);
    cr_assert_str_eq(arguments.options.data, "port \"1\" ");
    arguments_deinit(&arguments);
    cr_assert_eq(run(1, WORDS("-")), ARGUMENTS_RUN);
    cr_assert_null(arguments.config_path);
    cr_assert(arguments.reads_stdin);
    arguments_deinit(&arguments);
    cr_assert_eq(run(2, WORDS("a.conf", "-")), ARGUMENTS_RUN);
    cr_assert(arguments.reads_stdin);
    arguments_deinit(&arguments);
}

Test(arguments, check_config)
{
    cr_assert_eq(run(4, WORDS("a.conf", "--check-config", "--port", "1")), ARGUMENTS_RUN);
    cr_assert(arguments.checks_config);
    cr_assert_str_eq(arguments.options.data, "port \"1\" ");
    arguments_deinit(&arguments);
    cr_assert_eq(run(2, WORDS("--requirepass", "--check-config")), ARGUMENTS_RUN);
    cr_assert_not(arguments.checks_config, "it is a password");
    arguments_deinit(&arguments);
}

static void expect_done(const char *word, enum arguments_result expected)
{
    cr_assert_eq(run(1, &word), expected, "%s", word);
    arguments_deinit(&arguments);
}

Test(arguments, words_that_stand_alone)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
    expect_done("--version", ARGUMENTS_DONE);
    expect_done("-v", ARGUMENTS_DONE);
    expect_done("--help", ARGUMENTS_DONE);
    expect_done("-h", ARGUMENTS_DONE);
    expect_done("--test-memory", ARGUMENTS_ERROR);
    expect_done("--check-system", ARGUMENTS_ERROR);
    expect_done("--sentinel", ARGUMENTS_ERROR);
    cr_assert_eq(run(2, WORDS("a.conf", "--sentinel")), ARGUMENTS_ERROR);
    arguments_deinit(&arguments);
    char *argv[] = {(char *)(uintptr_t) "/usr/bin/redis-sentinel", NULL};
    cr_assert_eq(arguments_parse(1, argv, &arguments), ARGUMENTS_ERROR);
    arguments_deinit(&arguments);
}

/* Test suites of clients take the numbers out of this line. */
Test(arguments, the_version_has_the_form_of_redis)
{
    struct buffer out;
    buffer_init(&out, 1024);
    arguments_version(&out);
    const char *head = "Redis server v=8.0.0 sha=00000000:0 malloc=";
    cr_assert_eq(strncmp(out.data, head, strlen(head)), 0, "%s", out.data);
    cr_assert_not_null(strstr(out.data, " bits=64 build="));
    cr_assert_null(strchr(out.data, '\n'));
    buffer_deinit(&out);
}

Test(arguments, a_command_line_without_end_is_refused)
{
    cr_redirect_stderr();
    char *word = mem_calloc(ARGUMENTS_SIZE_MAX + 1, 1);
    memset(word, 'x', ARGUMENTS_SIZE_MAX);
    cr_assert_eq(run(2, WORDS("--port", word)), ARGUMENTS_ERROR);
    arguments_deinit(&arguments);
    mem_free(word);
}
