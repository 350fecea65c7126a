/* --stat: one line of figures an interval, from INFO. */
#include "tools/cli/cli.h"
#include "tools/cli/info_text.h"

#include <stdio.h>

enum { HEADER_PERIOD = 20 };

static const char *child_text(const char *info)
{
    if (info_number(info, "loading"))
        return "LOAD";
    bool is_saving = info_number(info, "rdb_bgsave_in_progress") != 0;
    bool is_rewriting = info_number(info, "aof_rewrite_in_progress") != 0;
    if (is_saving && is_rewriting)
        return "SAVE+AOF";
    return is_saving ? "SAVE" : is_rewriting ? "AOF" : "";
}

static void print_line(const char *info, int64_t *commands_before)
{
    char memory[64];
    char commands[64];
    int64_t processed = info_number(info, "total_commands_processed");
    int64_t more = *commands_before >= 0 ? processed - *commands_before : 0;
    *commands_before = processed;
    info_format_memory(memory, sizeof(memory), info_number(info, "used_memory"));
    snprintf(commands, sizeof(commands), "%lld (+%lld)", (long long)processed, (long long)more);
    printf("%-10lld %-8s %-7lld %-7lld %-19s %-12lld%s\n", (long long)info_key_count(info), memory,
           (long long)info_number(info, "connected_clients"),
           (long long)info_number(info, "blocked_clients"), commands,
           (long long)info_number(info, "total_connections_received"), child_text(info));
    fflush(stdout);
}

int stat_mode(struct cli *cli)
{
    double interval_s = cli->options.interval_s > 0 ? cli->options.interval_s : 1;
    int64_t commands_before = -1;
    cli_require_connection(cli);
    for (unsigned row = 0;; row++) {
        const char *words[] = {"INFO"};
        struct reply_value *info = cli_call_patiently(cli, words, 1);
        if (row % HEADER_PERIOD == 0)
            printf(
                "------- data ------ --------------------- load -------------------- - child -\n"
                "keys       mem      clients blocked requests            connections          \n");
        print_line(info->text.data ? info->text.data : "", &commands_before);
        reply_value_free(info);
        sync_client_pause(cli->client, (int64_t)(interval_s * 1e6));
    }
}
