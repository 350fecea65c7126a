/* All groups of options together: names and defaults of Redis, the stock configuration files, and
 * that what CONFIG GET shows CONFIG SET takes. */
#include "acl/acl_options.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/client_options.h"
#include "cluster/cluster_options.h"
#include "config/config_file.h"
#include "config_rig.h"
#include "io/tls_options.h"
#include "keyspace/defrag_options.h"
#include "keyspace/keyspace.h"
#include "keyspace/keyspace_options.h"
#include "observability/observability_options.h"
#include "persistence/persistence_options.h"
#include "pubsub/pubsub_options.h"
#include "redis_7_options.h"
#include "replication/replication_options.h"
#include "scripting/script_options.h"
#include "server/server.h"
#include "types/type_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct server_all_settings settings;

/* Without the groups' apply: there are no modules behind the settings. */
static struct option_group groups[13];

static void add(int index, const struct option_group *group, void *instance)
{
    groups[index] = *group;
    groups[index].apply = NULL;
    config_register(config, &groups[index], instance, NULL);
}

static void start(void)
{
    memset(&settings, 0, sizeof settings);
    config = config_create();
    add(0, &server_options, &settings.server);
    add(1, &client_options, &settings.client);
    add(2, &keyspace_options, &settings.keyspace);
    add(3, &acl_options, &settings.acl);
    add(4, &tls_option_group, &settings.tls);
    add(5, &type_options, &settings.type);
    add(6, &defrag_options, &settings.defrag);
    add(7, &pubsub_options, &settings.pubsub);
    add(8, &observability_options, &settings.observability);
    add(9, &persistence_options, &settings.persistence);
    add(10, &replication_options, &settings.replication);
    add(11, &cluster_options, &settings.cluster);
    add(12, &script_options, &settings.script);
    buffer_init(&error, 65536);
    buffer_append(&error, "", 0);
    cr_assert_eq(chdir("/tmp"), 0);
}

static void stop(void)
{
    config_destroy(config);
    buffer_deinit(&error);
}

TestSuite(all_options, .init = start, .fini = stop);

/* No exceptions are needed at present. */
Test(all_options, names_and_defaults_of_redis_7)
{
    size_t count = sizeof redis_7_options / sizeof redis_7_options[0];
    cr_assert_gt(count, 190);
    for (size_t i = 0; i < count; i++)
        expect_value(redis_7_options[i].name, redis_7_options[i].value);
}

Test(all_options, defaults_since_redis_7)
{
    expect_value("set-max-listpack-entries", "128");
    expect_value("set-max-listpack-value", "64");
    expect_value("max-new-connections-per-cycle", "10");
    expect_value("locale-collate", "");
    expect_value("cluster-announce-human-nodename", "");
    expect_value("cluster-compatibility-sample-ratio", "0");
    expect_value("hide-user-data-from-log", "no");
    expect_value("replica-full-sync-buffer-limit", "0");
    expect_value("repl-rdb-channel", "no");
    expect_value("close-on-replica-write", "yes");
    expect_value("use-exit-on-panic", "no");
    expect_value("rdb-key-save-delay", "0");
    expect_value("key-load-delay", "0");
    expect_value("loading-process-events-interval-bytes", "2097152");
    expect_value("lua-enable-deprecated-api", "no");
    expect_value("cluster-ping-interval", "1000");
    expect_value("watchdog-period", "0");
}

Test(all_options, our_own)
{
    expect_value("io-threads-elastic", "yes");
    expect_value("io-backend", "auto");
    expect_value("io-cpulist", "");
    expect_value("requirepass-file", "");
    cr_assert_eq(settings.server.io_threads, 1);
    cr_assert_eq(settings.server.bind_count, 2);
    cr_assert_str_eq(settings.server.bind[1], "-::*");
    cr_assert_eq(settings.client.output_limits[CLIENT_CLASS_PUBSUB].soft_seconds, 60);
}

struct listed {
    char **names;
    char **values;
    int count;
};

static void list(const char *name, struct bytes value, void *context)
{
    struct listed *listed = context;
    listed->names[listed->count] = mem_strdup(name);
    char *text = mem_calloc(value.size + 1, 1);
    memcpy(text, value.data, value.size);
    listed->values[listed->count++] = text;
}

/* Every value that is shown can be set again, and is unchanged then. */
Test(all_options, shown_values_can_be_set)
{
    char *names[512];
    char *values[512];
    struct listed listed = {names, values, 0};
    config_get(config, 1, &BYTES_LITERAL("*"), list, &listed);
    cr_assert_gt(listed.count, 210);
    for (int i = 0; i < listed.count; i++) {
        struct bytes argv[] = {bytes_of_text(names[i]), bytes_of_text(values[i])};
        buffer_clear(&error);
        enum config_set_result result = config_set_many(config, 2, argv, true, &error);
        bool is_immutable =
            result == CONFIG_SET_FAILED && strstr(error.data, "can't set immutable config");
        bool is_refused = strcmp(names[i], "proc-title-template") == 0 && !*values[i];
        cr_assert(result == CONFIG_SET_DONE || is_immutable || is_refused, "%s '%s': %s", names[i],
                  values[i], error.data);
        expect_value(names[i], values[i]);
    }
    for (int i = 0; i < listed.count; i++) {
        mem_free(names[i]);
        mem_free(values[i]);
    }
}

static void expect_error(const char *name, const char *value, const char *reason)
{
    cr_assert_eq(try_value(name, value), CONFIG_SET_FAILED, "%s %s", name, value);
    cr_assert_not_null(strstr(error.data, reason), "%s", error.data);
}

Test(all_options, values_that_are_refused)
{
    expect_error("save", "a b", "Invalid save parameters");
    expect_error("save", "0 1", "Invalid save parameters");
    expect_error("client-output-buffer-limit", "normal 1 2",
                 "Wrong number of arguments in buffer limit configuration.");
    expect_error("client-output-buffer-limit", "master 1 2 3",
                 "Invalid client class specified in buffer limit configuration.");
    expect_error("client-output-buffer-limit", "normal a 2 3",
                 "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    expect_error("oom-score-adj-values", "1 2", "wrong number of arguments");
    expect_error("oom-score-adj-values", "1 2 3001",
                 "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    expect_error("notify-keyspace-events", "KQ",
                 "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    expect_error("latency-tracking-info-percentiles", "50 101", "should sit between [0.0,100.0]");
    expect_error("latency-tracking-info-percentiles", "50 nan", "Invalid");
    expect_error("proc-title-template", "{foo}", "template format is invalid");
    expect_error("proc-title-template", "{title", "template format is invalid");
    expect_error("cluster-announce-hostname", "*", "Hostnames may only contain");
    expect_error("cluster-announce-human-nodename", "a b", "contained invalid character");
    expect_error("dbfilename", "a/b", "dbfilename can't be a path, just a filename");
    expect_error("activedefrag", "yes", "Active defragmentation cannot be enabled");
    expect_error("bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
                 "Too many bind addresses specified.");
    expect_error("shutdown-on-sigterm", "save nosave",
                 "shutdown options SAVE and NOSAVE can't be used simultaneously");
    expect_error("dir", "/nonexistent", "No such file or directory");
    expect_error("io-threads", "129", "argument must be between 1 and 128 inclusive");
    expect_error("replicaof", "a 1", "can't set immutable config");
    cr_assert_str_eq(settings.server.bind[0], "*", "the old addresses are back");
    cr_assert_eq(settings.server.bind_count, 2);
}

Test(all_options, values_that_are_changed_on_the_way)
{
    set_value("hz", "9999");
    expect_value("hz", "500");
    set_value("hz", "0");
    expect_value("hz", "1");
    set_value("repl-backlog-size", "1");
    expect_value("repl-backlog-size", "16384");
    set_value("notify-keyspace-events", "KEA");
    expect_value("notify-keyspace-events", "AKE");
    set_value("notify-keyspace-events", "gKmntd");
    expect_value("notify-keyspace-events", "gtdnKm");
    set_value("oom-score-adj", "relative");
    expect_value("oom-score-adj", "yes");
    set_value("bind", "");
    expect_value("bind", "");
    set_value("bind", "127.0.0.1 -::1");
    cr_assert_eq(settings.server.bind_count, 2);
    set_value("shutdown-on-sigint", "default now force");
    expect_value("shutdown-on-sigint", "now force");
    set_value("maxmemory-clients", "5%");
    cr_assert_eq(settings.client.maxmemory_clients, -5);
    set_value("dir", "/");
    expect_value("dir", "/");
}

static int load(const char *text)
{
    buffer_clear(&error);
    return config_load(config, &(struct config_source){.options = text}, &error);
}

Test(all_options, directives_without_a_value_to_show)
{
    cr_assert_eq(load("rename-command FLUSHALL \"\"\nrename-command GET FETCH\n"
                      "list-max-ziplist-entries 5\nlist-max-ziplist-value 5\n"
                      "lua-replicate-commands yes\nio-threads-do-reads yes\n"
                      "user alice on >p ~* +@all\nbind 127.0.0.1 ::1\nbind 10.0.0.1\n"),
                 0, "%s", error.data);
    cr_assert_eq(settings.server.rename_count, 2);
    cr_assert_str_eq(settings.server.renames[0].new_name, "");
    cr_assert_str_eq(settings.server.renames[1].name, "GET");
    cr_assert_eq(settings.acl.user_count, 1);
    expect_value("bind", "10.0.0.1");
    struct buffer out;
    buffer_init(&out, 64);
    cr_assert_eq(config_get_one(config, BYTES_LITERAL("rename-command"), &out), -1);
    cr_assert_eq(config_get_one(config, BYTES_LITERAL("user"), &out), -1);
}

Test(all_options, directives_that_are_refused)
{
    cr_assert_eq(load("loadmodule /x.so\n"), -1);
    cr_assert_not_null(strstr(error.data, "Loadable modules are not supported"));
}

Test(all_options, a_replica_in_a_cluster_is_refused)
{
    cr_assert_eq(load("cluster-enabled yes\nreplicaof 10.0.0.1 6379\n"), -1);
    cr_assert_not_null(strstr(error.data, "replicaof directive not allowed in cluster mode"));
}

/* Loads a file as it is, but for folders that are not there. */
static void expect_loads(const char *path)
{
    char command[512];
    char copy[] = "/tmp/sluice-stock-XXXXXX";
    int fd = mkstemp(copy);
    cr_assert_geq(fd, 0);
    snprintf(command, sizeof command, "sed 's,^dir .*,dir /tmp,' '%s' > %s", path, copy);
    cr_assert_eq(system(command), 0);
    int result = config_load(config, &(struct config_source){.path = copy}, &error);
    unlink(copy);
    close(fd);
    cr_assert_eq(result, 0, "%s", error.data);
}

Test(all_options, the_configuration_of_debian_loads)
{
    const char *path = "/etc/redis/redis.conf";
    if (access(path, R_OK) != 0)
        cr_skip_test("no %s", path);
    expect_loads(path);
    expect_value("bind", "127.0.0.1 -::1");
    expect_value("daemonize", "yes");
}

static bool find_ours(char path[512])
{
    /* The program is build/<variant>/unit/server/test_server_options, started anywhere. */
    ssize_t size = readlink("/proc/self/exe", path, 400);
    for (int i = 0; size > 0 && i < 5; i++) {
        path[size] = '\0';
        char *slash = strrchr(path, '/');
        if (!slash)
            return false;
        *slash = '\0';
        size = slash - path;
    }
    strcat(path, "/redis.conf");
    return access(path, R_OK) == 0;
}

Test(all_options, our_configuration_loads)
{
    char path[512];
    cr_assert(find_ours(path), "%s", path);
    expect_loads(path);
    expect_value("bind", "127.0.0.1 -::1");
    expect_value("protected-mode", "yes");
    expect_value("appendfsync", "everysec");
}

/* One line of redis.conf as an option with its words; false for prose. */
static bool set_line(const char *line, char *before, size_t before_capacity)
{
    int count;
    char **words = text_split_args(line, &count, NULL);
    bool is_option = words && count > 1 && config_exists(config, bytes_of_text(words[0])) &&
                     strcmp(words[0], "requirepass-file") != 0 && strcmp(words[0], "dir") != 0;
    if (is_option) {
        struct bytes argv[64];
        for (int i = 0; i < count; i++)
            argv[i] = bytes_of_text(words[i]);
        struct buffer out;
        buffer_init(&out, before_capacity - 1);
        buffer_append(&out, "", 0);
        is_option = config_get_one(config, argv[0], &out) == 0;
        text_copy(before, before_capacity, out.data);
        buffer_deinit(&out);
        buffer_clear(&error);
        if (is_option)
            cr_assert_eq(config_set(config, argv[0], count - 1, argv + 1, &error), 0, "%s: %s",
                         line, error.data);
    }
    text_free_args(words, count);
    return is_option;
}

/* Lines behind a '#' state defaults, but where the comment above calls them examples; all are
 * valid. */
Test(all_options, our_configuration_tells_the_defaults)
{
    char path[512];
    char line[1024];
    cr_assert(find_ours(path));
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    bool is_example = false;
    int checked = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#' || line[1] != ' ') {
            is_example = is_example && line[0] == '#';
            continue;
        }
        is_example = is_example || strstr(line, "xample") || strstr(line, "No report");
        char before[4096];
        if (line[2] < 'a' || line[2] > 'z' || !set_line(line + 2, before, sizeof before))
            continue;
        char name[128];
        cr_assert_eq(sscanf(line, "# %127s", name), 1);
        if (!is_example && strcmp(name, "save") != 0)
            expect_value(name, before);
        checked++;
    }
    fclose(file);
    cr_assert_gt(checked, 110);
}
