/* INFO replication. */
#include <inttypes.h>

#include "observability/info_internal.h"

#define NO_ID "0000000000000000000000000000000000000000"

static void write_replication(struct buffer *out, const void *context)
{
    const struct info_sources *sources = context;
    struct info_replication replication = {0};
    if (sources->replication)
        sources->replication(sources->context, &replication);
    struct info_server server = {0};
    if (!replication.replid && sources->server) {
        sources->server(sources->context, &server);
        replication.replid = server.run_id;
    }
    buffer_printf(out, "role:%s\r\n", replication.is_replica ? "slave" : "master");
    if (replication.is_replica && replication.write_primary_lines)
        replication.write_primary_lines(sources->context, out);
    buffer_printf(out, "connected_slaves:%" PRIu64 "\r\n", replication.replica_count);
    if (replication.write_replica_lines)
        replication.write_replica_lines(sources->context, out);
    buffer_printf(out,
                  "master_failover_state:%s\r\n"
                  "master_replid:%s\r\n"
                  "master_replid2:%s\r\n"
                  "master_repl_offset:%" PRId64 "\r\n"
                  "second_repl_offset:%" PRId64 "\r\n"
                  "repl_backlog_active:%d\r\n"
                  "repl_backlog_size:%" PRIu64 "\r\n"
                  "repl_backlog_first_byte_offset:%" PRId64 "\r\n"
                  "repl_backlog_histlen:%" PRIu64 "\r\n",
                  replication.failover_state ? replication.failover_state : "no-failover",
                  replication.replid ? replication.replid : NO_ID,
                  replication.replid2 ? replication.replid2 : NO_ID, replication.offset,
                  replication.second_offset_plus_1 - 1, replication.is_backlog_active,
                  replication.backlog_size, replication.backlog_first_byte_offset,
                  replication.backlog_length);
}

INFO_SECTION(info_replication_section, "replication", "Replication", INFO_EVERYWHERE, 60,
             write_replication);
