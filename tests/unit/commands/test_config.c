/* CONFIG and INFO as commands. */
#include "base/memory.h"
#include "base/option_rows.h"
#include "command_fixture.h"
#include "commands/all.h"
#include "config/config_table.h"
#include "observability/info_sources.h"
#include "observability/stats.h"

#include <criterion/criterion.h>
#include <limits.h>

struct settings {
    int64_t size;
    int64_t fixed;
    int64_t locked;
    char *secret;
    int guard;
};

static const struct option_name guards[] = {{"no", 0}, {"yes", 1}, {"local", 2}, {NULL, 0}};

static const struct option rows[] = {
    OPTION_ROW_MEMORY(settings, size, "size", "old-size", 0, "1mb", 0, LLONG_MAX),
    OPTION_ROW_INT(settings, fixed, "fixed", NULL, OPTION_IMMUTABLE, "1", 0, 9),
    OPTION_ROW_INT(settings, locked, "locked", NULL, OPTION_PROTECTED, "1", 0, 9),
    OPTION_ROW_STRING(settings, secret, "secret", NULL, OPTION_SENSITIVE, "", NULL),
    OPTION_ROW_ENUM(settings, guard, "enable-protected-configs", OPTION_IMMUTABLE, "local", guards),
};

static const struct option_group group = {
    .name = "test", .options = rows, .count = sizeof rows / sizeof rows[0]};

static struct command_fixture *fx;
static struct settings settings;
static struct stats stats;
static struct info_sources sources;
static int resets;

static void on_reset(void *context)
{
    (*(int *)context)++;
}

static void setup(void)
{
    static const struct command_spec *const tables[] = {config_commands, info_commands, NULL};
    fx = fixture_create(tables);
    settings = (struct settings){0};
    stats_init(&stats);
    sources = (struct info_sources){.stats = &stats};
    fx->services.config = config_create();
    fx->services.info = info_create();
    fx->services.stats = &stats;
    config_register(fx->services.config, &group, &settings, NULL);
    info_register_standard(fx->services.info, &sources);
    info_on_reset(fx->services.info, on_reset, &resets);
}

static void teardown(void)
{
    config_destroy(fx->services.config);
    info_destroy(fx->services.info);
    stats_deinit(&stats);
    fixture_destroy(fx);
}

TestSuite(config_command, .init = setup, .fini = teardown);

Test(config_command, get)
{
    expect_reply(fx, "*2 $4 size $7 1048576", "CONFIG GET size");
    expect_reply(fx, "*4 $4 size $7 1048576 $8 old-size $7 1048576", "CONFIG GET *SIZE");
    expect_reply(fx, "*4 $5 fixed $1 1 $6 locked $1 1", "CONFIG GET fixed lo* fixed");
    expect_reply(fx, "*0", "CONFIG GET nothing");
    fx->client->protocol = 3;
    expect_reply(fx, "%1 $4 size $7 1048576", "CONFIG GET size");
    expect_reply(fx, "%0", "CONFIG GET nothing");
}

Test(config_command, set)
{
    expect_reply(fx, "+OK", "CONFIG SET size 5kb secret x");
    cr_assert_eq(settings.size, 5120);
    cr_assert_str_eq(settings.secret, "x");
    expect_reply(fx, "-ERR syntax error", "CONFIG SET size 1 secret");
    expect_reply(fx, "-ERR Unknown option or number of arguments for CONFIG SET - 'what'",
                 "CONFIG SET size 1 what 2");
    expect_reply(
        fx,
        "-ERR CONFIG SET failed (possibly related to argument 'size') - argument must be a "
        "memory value",
        "CONFIG SET SIZE many");
    expect_reply(fx,
                 "-ERR CONFIG SET failed (possibly related to argument 'fixed') - can't set "
                 "immutable config",
                 "CONFIG SET size 1 fixed 2");
    cr_assert_eq(settings.size, 5120);
}

static void expect_locked(const char *peer, bool may_set)
{
    mem_free(fx->client->peer);
    fx->client->peer = mem_strdup(peer);
    if (may_set)
        expect_reply(fx, "+OK", "CONFIG SET locked 3");
    else
        expect_reply(fx,
                     "-ERR CONFIG SET failed (possibly related to argument 'locked') - can't set "
                     "protected config",
                     "CONFIG SET locked 3");
}

Test(config_command, protected_options_know_local_clients)
{
    fx->client->flags &= ~(uint32_t)CLIENT_INTERNAL;
    expect_locked("127.0.0.1:1234", true);
    expect_locked("[::1]:1234", true);
    expect_locked("10.0.0.127:1234", false);
    expect_locked("[fe80::1]:1234", false);
    fx->client->flags |= CLIENT_UNIX_SOCKET;
    expect_locked("/tmp/s:0", true);
    settings.guard = 0;
    expect_locked("127.0.0.1:1234", false);
    settings.guard = 1;
    expect_locked("10.0.0.127:1234", true);
    fx->client->flags |= CLIENT_INTERNAL;
}

Test(config_command, rewrite_without_a_file)
{
    expect_reply(fx, "-ERR The server is running without a config file", "CONFIG REWRITE");
}

Test(config_command, resetstat)
{
    stats.commands_processed = 5;
    fx->keyspace->stats.hits = 6;
    fx->keyspace->stats.lazyfree_pending = 7;
    struct bytes words[] = {BYTES_LITERAL("config"), BYTES_LITERAL("get")};
    struct command *command = command_lookup(fx->services.commands, words, 2);
    command->stats.calls = 8;
    command->stats.histogram = mem_calloc(4, 4);
    int resets_before = resets;
    expect_reply(fx, "+OK", "CONFIG RESETSTAT");
    cr_assert_eq(stats.commands_processed, 0);
    cr_assert_eq(fx->keyspace->stats.hits, 0);
    cr_assert_eq(fx->keyspace->stats.lazyfree_pending, 7);
    cr_assert_eq(command->stats.calls, 0);
    cr_assert_null(command->stats.histogram);
    cr_assert_eq(resets, resets_before + 1);
}

Test(config_command, help_and_mistakes)
{
    const char *help = fixture_run(fx, "CONFIG HELP");
    cr_assert_eq(strncmp(help, "*11 +CONFIG <subcommand>", 24), 0, "%s", help);
    cr_assert_not_null(strstr(help, "+REWRITE"));
    expect_reply(fx, "-ERR wrong number of arguments for 'config|get' command", "CONFIG GET");
    expect_reply(fx, "-ERR wrong number of arguments for 'config|set' command", "CONFIG SET a");
    expect_reply(fx, "-ERR wrong number of arguments for 'config|rewrite' command",
                 "CONFIG REWRITE x");
}

Test(config_command, info)
{
    expect_reply(fx, "$30 # Cluster cluster_enabled:0 ", "INFO cluster");
    fx->client->protocol = 3;
    expect_reply(fx, "=34 txt:# Cluster cluster_enabled:0 ", "INFO cluster CLUSTER");
    fx->client->protocol = 2;
    expect_reply(fx, "$0 ", "INFO nothing");
    const char *all = fixture_run(fx, "INFO");
    cr_assert_not_null(strstr(all, "# Server redis_version:8.0.0"));
    cr_assert_not_null(strstr(all, "# Stats total_connections_received:0"));
}
