/* See threads_info.h. */
#include "server/threads_info.h"

#include "base/clock.h"
#include "base/memory.h"
#include "server/placement.h"
#include "server/server.h"

/* pthread-owned counters are read relaxed, each by itself. */
#define READ(field) (unsigned long long)io_stat_read(stats->field)

static void write_thread(struct buffer *out, const struct io_thread *thread)
{
    const struct io_stats *stats = loop_stats(thread->loop);
    (void)buffer_printf(
        out,
        "io_thread_%d:backend=%s,clients=%llu,connections=%llu,handshakes=%llu,handshakes_waiting=%"
        "llu,reads=%llu,"
        "writes=%llu,bytes_in=%llu,bytes_out=%llu,turns=%llu,waits=%llu,wakeups_sent=%llu,"
        "wakeups_received=%llu,busy_us=%llu,idle_us=%llu\r\n",
        thread->index, loop_backend_name(thread->loop), (unsigned long long)thread->clients,
        READ(connections), READ(handshakes_in_flight), READ(handshakes_waiting), READ(reads),
        READ(writes), READ(bytes_in), READ(bytes_out), READ(turns), READ(waits), READ(wakeups_sent),
        READ(wakeups_received), READ(busy_us), READ(idle_us));
}

/* Shares are those of the last tenth of a second, in hundredths of one core. */
static void write_placement(struct buffer *out, const struct server *server) ON_MAIN
{
    struct placement_facts facts;
    struct exchange_moves moves;
    placement_describe(server->placement, &facts);
    exchange_count_moves(server->exchange, &moves);
    (void)buffer_printf(
        out,
        "io_placement:%s\r\nio_placement_main_busy_percent:%u\r\nio_placement_busy_percent:%u\r\n"
        "io_placement_spread:%d\r\nio_placement_taking_turns:%d\r\n"
        "io_placement_lent:%llu\r\nio_placement_taken_back:%llu\r\nio_placement_evened:%llu\r\n"
        "io_placement_moved:%llu\r\nio_placement_stayed:%llu\r\nio_placement_moving:%llu\r\n",
        !facts.is_elastic  ? "fixed"
        : facts.is_lending ? "elastic,lending"
                           : "elastic,home",
        facts.main_busy_percent, facts.busy_percent,
        facts.spread < io_pool_count(server->pool) ? facts.spread : io_pool_count(server->pool),
        facts.is_batch, (unsigned long long)facts.lent, (unsigned long long)facts.taken_back,
        (unsigned long long)facts.evened, (unsigned long long)moves.moved,
        (unsigned long long)moves.stayed, (unsigned long long)moves.under_way);
}

static void write_threads(struct buffer *out, const void *context)
{
    entering_main();
    const struct server *server = context;
    const struct io_stats *own = loop_stats(io_pool_main_loop(server->pool));
    uint64_t busy = io_stat_read(own->busy_us);
    uint64_t idle = io_stat_read(own->idle_us);
    (void)buffer_printf(out, "io_threads:%d\r\nio_backend:%s\r\nio_backend_reason:%s\r\n",
                        io_pool_configured(server->pool),
                        loop_backend_name(io_pool_main_loop(server->pool)),
                        loop_backend_reason(io_pool_main_loop(server->pool)));
    (void)buffer_printf(out, "main_thread_busy_percent:%.2f\r\n",
                        busy + idle ? 100.0 * (double)busy / (double)(busy + idle) : 0.0);
    write_placement(out, server);
    for (int i = 0; i <= io_pool_count(server->pool); i++) {
        const struct io_thread *thread = io_pool_thread(server->pool, i);
        if (thread && io_thread_is_up(thread))
            write_thread(out, thread);
    }
}

static const struct info_field threads_fields[] = {{NULL, write_threads}};

const struct info_section threads_info_section = {.name = "threads",
                                                  .title = "Threads",
                                                  .flags =
                                                      INFO_DEFAULT | INFO_ALL | INFO_EVERYTHING,
                                                  .position = 45,
                                                  .fields = threads_fields,
                                                  .count = 1};

/* -- INFO tls -- */

#define COUNTER(member)                                                                            \
    static void write_##member(struct buffer *out, const void *context)                            \
    {                                                                                              \
        struct io_stats sum;                                                                       \
        io_pool_sum_stats(((const struct server *)context)->pool, &sum);                           \
        (void)buffer_printf(out, "%llu", (unsigned long long)sum.member);                          \
    }

COUNTER(handshakes_full)
COUNTER(handshakes_resumed)
COUNTER(handshakes_failed)
COUNTER(handshakes_timed_out)
COUNTER(handshakes_in_flight)
COUNTER(handshakes_waiting)
COUNTER(handshakes_refused)
COUNTER(handshake_cpu_us)
COUNTER(failed_no_shared_protocol)
COUNTER(failed_no_shared_cipher)
COUNTER(failed_no_certificate)
COUNTER(failed_unknown_ca)
COUNTER(failed_expired)
COUNTER(failed_revoked)
COUNTER(failed_name_mismatch)
COUNTER(failed_plaintext)
COUNTER(failed_reset)
COUNTER(failed_other)
COUNTER(closed_clean)
COUNTER(closed_truncated)
COUNTER(closed_reset)
COUNTER(closed_protocol_error)
COUNTER(tickets_issued)
COUNTER(ticket_hits)
COUNTER(ticket_misses)
COUNTER(cache_hits)
COUNTER(cache_misses)
COUNTER(sessions_tls12)
COUNTER(sessions_tls13)
COUNTER(sessions_aes128_gcm)
COUNTER(sessions_aes256_gcm)
COUNTER(sessions_chacha20)
COUNTER(sessions_other_cipher)
COUNTER(records_in)
COUNTER(records_out)
COUNTER(plaintext_in)
COUNTER(plaintext_out)

static void write_tls_memory(struct buffer *out, const void *context)
{
    (void)context;
    (void)buffer_printf(out, "%zu", mem_tls_used());
}

static void write_reloads(struct buffer *out, const void *context)
{
    const struct tls_reload *reload = &((const struct server *)context)->tls_reload;
    (void)buffer_printf(out,
                        "tls_reloads_done:%llu\r\ntls_reloads_failed:%llu\r\n"
                        "tls_reload_last_error:%s\r\n",
                        (unsigned long long)reload->done, (unsigned long long)reload->failed,
                        reload->last_error);
}

static void write_certificate(struct buffer *out, const char *which,
                              const struct tls_certificate_facts *facts)
{
    int64_t left = facts->expires_wall_s ? facts->expires_wall_s - clock_wall_ms() / 1000 : 0;
    (void)buffer_printf(out,
                        "tls_%s_cert_subject:%s\r\ntls_%s_cert_serial:%s\r\n"
                        "tls_%s_cert_expires_in_seconds:%lld\r\n",
                        which, facts->subject, which, facts->serial[0] ? facts->serial : "none",
                        which, (long long)left);
}

static void write_certificates(struct buffer *out, const void *context)
{
    entering_main();
    const struct server *server = context;
    struct tls_certificate_facts own = {0};
    struct tls_certificate_facts client = {0};
    struct tls_certificate_facts ca = {0};
    if (io_pool_tls(server->pool))
        tls_context_describe(io_pool_tls(server->pool), &own, &client, &ca);
    write_certificate(out, "server", &own);
    write_certificate(out, "client", &client);
    write_certificate(out, "ca", &ca);
}

static const struct info_field tls_fields[] = {
    {"tls_handshakes_full", write_handshakes_full},
    {"tls_handshakes_resumed", write_handshakes_resumed},
    {"tls_handshakes_failed", write_handshakes_failed},
    {"tls_handshakes_timed_out", write_handshakes_timed_out},
    {"tls_handshakes_in_flight", write_handshakes_in_flight},
    {"tls_handshakes_waiting", write_handshakes_waiting},
    {"tls_handshakes_refused", write_handshakes_refused},
    {"tls_handshake_cpu_us", write_handshake_cpu_us},
    {"tls_failed_no_shared_protocol", write_failed_no_shared_protocol},
    {"tls_failed_no_shared_cipher", write_failed_no_shared_cipher},
    {"tls_failed_no_certificate", write_failed_no_certificate},
    {"tls_failed_unknown_ca", write_failed_unknown_ca},
    {"tls_failed_expired", write_failed_expired},
    {"tls_failed_revoked", write_failed_revoked},
    {"tls_failed_name_mismatch", write_failed_name_mismatch},
    {"tls_failed_plaintext", write_failed_plaintext},
    {"tls_failed_reset", write_failed_reset},
    {"tls_failed_other", write_failed_other},
    {"tls_closed_clean", write_closed_clean},
    {"tls_closed_truncated", write_closed_truncated},
    {"tls_closed_reset", write_closed_reset},
    {"tls_closed_protocol_error", write_closed_protocol_error},
    {"tls_tickets_issued", write_tickets_issued},
    {"tls_ticket_hits", write_ticket_hits},
    {"tls_ticket_misses", write_ticket_misses},
    {"tls_cache_hits", write_cache_hits},
    {"tls_cache_misses", write_cache_misses},
    {"tls_sessions_tls12", write_sessions_tls12},
    {"tls_sessions_tls13", write_sessions_tls13},
    {"tls_sessions_aes128_gcm", write_sessions_aes128_gcm},
    {"tls_sessions_aes256_gcm", write_sessions_aes256_gcm},
    {"tls_sessions_chacha20", write_sessions_chacha20},
    {"tls_sessions_other_cipher", write_sessions_other_cipher},
    {"tls_records_in", write_records_in},
    {"tls_records_out", write_records_out},
    {"tls_plaintext_bytes_in", write_plaintext_in},
    {"tls_plaintext_bytes_out", write_plaintext_out},
    {"tls_memory", write_tls_memory},
    {NULL, write_reloads},
    {NULL, write_certificates},
};

const struct info_section tls_info_section = {.name = "tls",
                                              .title = "TLS",
                                              .flags = INFO_DEFAULT | INFO_ALL | INFO_EVERYTHING,
                                              .position = 55,
                                              .fields = tls_fields,
                                              .count = sizeof(tls_fields) / sizeof(tls_fields[0])};
