/* Reading configuration: files, includes, options of the command line, and what is said of errors.
 */
#include "base/memory.h"
#include "config_files.h"

#include <stdlib.h>

TestSuite(config_file, .init = start_files, .fini = stop_files);

/* The whole message for a file whose line `line` is wrong. */
static void expect_error(const char *text, int line, const char *shown, const char *reason)
{
    char expected[4096];
    snprintf(expected, sizeof expected,
             "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.0) ***\n"
             "Reading the configuration file, at line %d\n>>> '%s'\n%s",
             line, shown, reason);
    cr_assert_eq(load(text), -1);
    cr_assert_str_eq(error.data, expected);
    config_destroy(config);
    create_config();
}

Test(config_file, lines_comments_and_quotes)
{
    cr_assert_eq(load("# a comment\n\n  timeout 7  \r\n\tMAXCLIENTS 99\n"
                      "dbfilename \"a b.rdb\"\nrequirepass 'it''s'\nmasterauth \"x\\x41\"\n"
                      "client-output-buffer-limit normal 1 2 3\n"
                      "client-output-buffer-limit replica 1mb 2kb 9 pubsub 4 5 6"),
                 -1);
    cr_assert_eq(client.timeout, 7);
    config_destroy(config);
    create_config();
    cr_assert_eq(load("# a comment\n\n  timeout 7  \r\n\tMAXCLIENTS 99\n"
                      "dbfilename \"a b.rdb\"\nrequirepass 'it\\'s'\nmasterauth \"x\\x41\"\n"
                      "client-output-buffer-limit normal 1 2 3\n"
                      "client-output-buffer-limit replica 1mb 2kb 9 pubsub 4 5 6"),
                 0, "%s", error.data);
    expect_value("timeout", "7");
    expect_value("maxclients", "99");
    expect_value("dbfilename", "a b.rdb");
    expect_value("requirepass", "it's");
    expect_value("masterauth", "xA");
    expect_value("client-output-buffer-limit", "normal 1 2 3 slave 1048576 2048 9 pubsub 4 5 6");
    cr_assert_str_eq(config_path(config), path);
}

Test(config_file, later_lines_win_and_lists_grow)
{
    cr_assert_eq(load("timeout 1\ntimeout 2\nsave 60 5\nsave 900 1 10 7\n"
                      "user alice on >secret ~*\nuser bob off\n"),
                 0);
    expect_value("timeout", "2");
    expect_value("save", "60 5 900 1 10 7");
    cr_assert_eq(acl.user_count, 2);
    cr_assert_str_eq(acl.users[0].words[0], "alice");
    cr_assert_eq(acl.users[0].count, 4);
    cr_assert_str_eq(acl.users[1].words[1], "off");
}

Test(config_file, an_empty_save_clears)
{
    cr_assert_eq(load("save 60 5\nsave \"\"\n"), 0);
    expect_value("save", "");
}

Test(config_file, aliases_and_old_names)
{
    cr_assert_eq(load("slave-priority 7\nmin-slaves-to-write 2\nslaveof 10.0.0.1 6380\n"), 0);
    expect_value("replica-priority", "7");
    expect_value("min-replicas-to-write", "2");
    expect_value("replicaof", "10.0.0.1 6380");
}

Test(config_file, errors_have_the_form_of_redis)
{
    expect_error("foo bar\n", 1, "foo bar", "Bad directive or wrong number of arguments");
    expect_error("timeout 1\n\n# x\ntimeout", 4, "timeout", "wrong number of arguments");
    expect_error("timeout 1 2\n", 1, "timeout 1 2", "wrong number of arguments");
    expect_error("timeout \"1\n", 1, "timeout \"1", "Unbalanced quotes in configuration line");
    expect_error("save 1\n", 1, "save 1", "Invalid save parameters");
    expect_error("sentinel monitor a\n", 1, "sentinel monitor a",
                 "sentinel directive while not in sentinel mode");
    expect_error("include a b\n", 1, "include a b", "Bad directive or wrong number of arguments");
    expect_error("dir /nonexistent\n", 1, "dir /nonexistent", "No such file or directory");
    expect_error("tmeout 5\n", 1, "tmeout 5",
                 "Bad directive or wrong number of arguments\ndid you mean 'timeout'?");
}

Test(config_file, secrets_are_not_shown)
{
    expect_error("requirepass hunter2 more\n", 1, "requirepass (redacted)",
                 "wrong number of arguments");
    expect_error("masterauth hunter2 more\n", 1, "masterauth (redacted)",
                 "wrong number of arguments");
}

Test(config_file, a_file_that_is_not_there)
{
    struct config_source source = {.path = "nothing.conf"};
    cr_assert_eq(config_load(config, &source, &error), -1);
    char expected[256];
    snprintf(expected, sizeof expected,
             "Fatal error, can't open config file '%s/nothing.conf': No such file or directory",
             folder);
    cr_assert_str_eq(error.data, expected);
}

Test(config_file, includes)
{
    write_file_named("a.conf", "timeout 3\nslowlog-max-len 11\n");
    write_file_named("b-1.conf", "slowlog-max-len 12\n");
    write_file_named("b-2.conf", "slowlog-max-len 13\n");
    cr_assert_eq(load("timeout 1\ninclude a.conf\ninclude b-*.conf\ninclude none-*.conf\n"
                      "maxclients 5\n"),
                 0, "%s", error.data);
    expect_value("timeout", "3");
    expect_value("slowlog-max-len", "13");
    expect_value("maxclients", "5");
}

Test(config_file, errors_in_an_included_file)
{
    write_file_named("a.conf", "# first\ntimeout x\n");
    expect_error("maxclients 5\ninclude a.conf\n", 2, "timeout x",
                 "argument couldn't be parsed into an integer");
    cr_assert_eq(load("include missing.conf\n"), -1);
    cr_assert_str_eq(error.data, "Fatal error, can't open config file 'missing.conf': No such file "
                                 "or directory");
}

Test(config_file, a_file_that_includes_itself)
{
    cr_assert_eq(load("include redis.conf\n"), -1);
    cr_assert_not_null(strstr(error.data, "Includes are nested too deeply"));
}

Test(config_file, a_tree_of_includes_is_bounded)
{
    /* 40 * 40 files: below the depth, above the number. */
    struct buffer text;
    buffer_init(&text, 65536);
    for (int i = 0; i < 40; i++)
        buffer_append_text(&text, "include leaf.conf\n");
    write_file_named("branch.conf", text.data);
    write_file_named("leaf.conf", "timeout 1\n");
    buffer_clear(&text);
    for (int i = 0; i < 40; i++)
        buffer_append_text(&text, "include branch.conf\n");
    cr_assert_eq(load(text.data), -1);
    cr_assert_not_null(strstr(error.data, "Too many open files"));
    buffer_deinit(&text);
}

Test(config_file, options_come_last)
{
    cr_assert_eq(load_options("timeout 1\nmaxclients 5\n", "timeout \"9\" \nsave \"\""), 0);
    expect_value("timeout", "9");
    expect_value("maxclients", "5");
    expect_value("save", "");
}

Test(config_file, options_alone_and_their_line_numbers)
{
    cr_assert_eq(load_options(NULL, "timeout 9\nfoo \"bar\""), -1);
    cr_assert_not_null(strstr(error.data, "at line 3\n>>> 'foo \"bar\"'\n"));
    cr_assert_str_eq(config_path(config), "");
}

Test(config_file, standard_input_between_file_and_options)
{
    write_file_named("redis.conf", "timeout 1\nmaxclients 5\nslowlog-max-len 1\n");
    write_file_named("in.conf", "timeout 2\nmaxclients 6\n");
    cr_assert_not_null(freopen("in.conf", "r", stdin));
    struct config_source source = {
        .path = "redis.conf", .reads_stdin = true, .options = "timeout 3"};
    cr_assert_eq(config_load(config, &source, &error), 0);
    expect_value("timeout", "3");
    expect_value("maxclients", "6");
    expect_value("slowlog-max-len", "1");
}

Test(config_file, a_file_larger_than_allowed)
{
    FILE *file = fopen("redis.conf", "w");
    for (int i = 0; i <= CONFIG_FILE_SIZE_MAX / 64; i++)
        fputs("# 60 characters and more of nothing at all, over and over again\n", file);
    fclose(file);
    cr_assert_eq(load_options(NULL, "include redis.conf"), -1);
    cr_assert_not_null(strstr(error.data, "File too large"));
}

Test(config_file, password_from_a_file)
{
    write_file_named("secret", "s3cret word\nsecond line\n");
    cr_assert_eq(load("requirepass-file secret\n"), 0, "%s", error.data);
    cr_assert(bytes_equal(secret_bytes(acl.requirepass), BYTES_LITERAL("s3cret word")));
    expect_value("requirepass-file", "secret");
    config_destroy(config);
    create_config();
    expect_error("requirepass-file missing\n", 1, "requirepass-file missing",
                 "Can't read the password file 'missing': No such file or directory");
    write_file_named("empty", "\n");
    expect_error("requirepass-file empty\n", 1, "requirepass-file empty",
                 "The password file 'empty' holds no password in its first line");
}

Test(config_file, password_from_the_environment)
{
    setenv("REDIS_PASSWORD", "from env", 1);
    cr_assert_eq(load("timeout 1\n"), 0);
    cr_assert_eq(acl_options_from_environment(&acl, &error), 0);
    cr_assert(bytes_equal(secret_bytes(acl.requirepass), BYTES_LITERAL("from env")));
    config_destroy(config);
    create_config();
    cr_assert_eq(load("requirepass explicit\n"), 0);
    cr_assert_eq(acl_options_from_environment(&acl, &error), 0);
    cr_assert(bytes_equal(secret_bytes(acl.requirepass), BYTES_LITERAL("explicit")));
    config_destroy(config);
    create_config();
    unsetenv("REDIS_PASSWORD");
    write_file_named("secret", "from file\n");
    setenv("REDIS_PASSWORD_FILE", "secret", 1);
    cr_assert_eq(load("timeout 1\n"), 0);
    cr_assert_eq(acl_options_from_environment(&acl, &error), 0);
    cr_assert(bytes_equal(secret_bytes(acl.requirepass), BYTES_LITERAL("from file")));
    setenv("REDIS_PASSWORD_FILE", "missing", 1);
    secret_free(acl.requirepass);
    acl.requirepass = NULL;
    cr_assert_eq(acl_options_from_environment(&acl, &error), -1);
    unsetenv("REDIS_PASSWORD_FILE");
}

Test(config_file, dir_is_the_working_folder)
{
    cr_assert_eq(mkdir("data", 0700), 0);
    cr_assert_eq(load("dir data\n"), 0, "%s", error.data);
    char expected[128];
    snprintf(expected, sizeof expected, "%s/data", folder);
    expect_value("dir", expected);
    cr_assert_str_eq(config_path(config), path);
    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(rmdir("data"), 0);
}
