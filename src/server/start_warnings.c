/* What an operator should know at start: settings of the system that hurt, with the words of
 * Redis's log, and options that are read but whose part of the server does not exist yet. Main
 * thread. */
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "server/server.h"
#include <stdlib.h>
#include <string.h>

enum { SYSTEM_FILE_SIZE_MAX = 4096 };

/* The text of a file below /proc or /sys; "" when it cannot be read. */
static void read_system_file(const char *path, char text[SYSTEM_FILE_SIZE_MAX])
{
    struct buffer content;
    buffer_init(&content, SYSTEM_FILE_SIZE_MAX - 1);
    text[0] = '\0';
    if (file_read(path, &content) == 0 && content.size > 0) {
        memcpy(text, content.data, content.size);
        text[content.size] = '\0';
    }
    buffer_deinit(&content);
}

static void warn_of_backlog(int64_t backlog)
{
    char text[SYSTEM_FILE_SIZE_MAX];
    read_system_file("/proc/sys/net/core/somaxconn", text);
    long long most = strtoll(text, NULL, 10);
    if (most > 0 && most < backlog)
        log_warning("WARNING: The TCP backlog setting of %lld cannot be enforced because "
                    "/proc/sys/net/core/somaxconn is set to the lower value of %lld.",
                    (long long)backlog, most);
}

static void warn_of_overcommit(void)
{
    char text[SYSTEM_FILE_SIZE_MAX];
    read_system_file("/proc/sys/vm/overcommit_memory", text);
    if (text[0] && strtol(text, NULL, 10) != 1)
        log_warning(
            "WARNING Memory overcommit must be enabled! Without it, a background save or "
            "replication may fail under low memory condition. Being disabled, it can also cause "
            "failures without low memory condition, see "
            "https://github.com/jemalloc/jemalloc/issues/1328. To fix this issue add "
            "'vm.overcommit_memory = 1' to /etc/sysctl.conf and then reboot or run the command "
            "'sysctl vm.overcommit_memory=1' for this to take effect.");
}

static void warn_of_huge_pages(bool must_disable)
{
    char text[SYSTEM_FILE_SIZE_MAX];
    if (must_disable && process_disable_thp() == 0)
        return;
    read_system_file("/sys/kernel/mm/transparent_hugepage/enabled", text);
    if (strstr(text, "[always]"))
        log_warning(
            "WARNING You have Transparent Huge Pages (THP) support enabled in your kernel. This "
            "will create latency and memory usage issues with Redis. To fix this issue run the "
            "command 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled' as root, and add "
            "it to your /etc/rc.local in order to retain the setting after a reboot. Redis must be "
            "restarted after THP is disabled (set to 'madvise' or 'never').");
}

static void warn_of_waiting_parts(const struct server_all_settings *settings)
{
    const struct {
        bool is_set;
        const char *option;
        const char *effect;
    } waiting[] = {
        {settings->persistence.appendonly, "appendonly yes", "nothing is written to disk"},
        {settings->replication.master_host, "replicaof", "this server follows no other"},
        {settings->cluster.cluster_enabled, "cluster-enabled yes", "this server stands alone"},
        {acl_options_have_users(&settings->acl), "user",
         "nobody can log in but the default user, with the password of requirepass"},
    };
    for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++)
        if (waiting[i].is_set)
            log_warning("WARNING: '%s' is accepted, but not served yet: %s.", waiting[i].option,
                        waiting[i].effect);
}

void server_warn_at_start(const struct server *server)
{
    const struct server_settings *settings = &server->settings.server;
    if (settings->port || server->settings.tls.port)
        warn_of_backlog(settings->tcp_backlog);
    warn_of_overcommit();
    warn_of_huge_pages(settings->disable_thp);
    warn_of_waiting_parts(&server->settings);
}
