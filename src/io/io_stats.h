/* Counters of one I/O thread: written by it alone (plain increments through io_stat_add), summed by
 * readers with relaxed loads. [X] */
#ifndef IO_IO_STATS_H
#define IO_IO_STATS_H

#include <stdint.h>

struct io_stats {
    uint64_t turns;
    uint64_t waits; /* turns that slept */
    uint64_t busy_us;
    uint64_t slow_us; /* of those, in handshakes (loop_task_slow) */
    uint64_t idle_us;
    uint64_t reads;    /* receive completions */
    uint64_t writes;   /* send completions */
    uint64_t bytes_in; /* from the wire */
    uint64_t bytes_out;
    uint64_t connections; /* open now */
    uint64_t connections_total;
    uint64_t wakeups_sent;
    uint64_t wakeups_received;
    /* -- TLS -- */
    uint64_t handshakes_in_flight;
    uint64_t handshakes_waiting; /* for their turn, now */
    uint64_t handshakes_refused; /* since too many waited */
    uint64_t handshakes_full;
    uint64_t handshakes_resumed;
    uint64_t handshakes_failed;
    uint64_t handshakes_timed_out;
    uint64_t failed_no_shared_protocol;
    uint64_t failed_no_shared_cipher;
    uint64_t failed_no_certificate;
    uint64_t failed_unknown_ca;
    uint64_t failed_expired;
    uint64_t failed_revoked;
    uint64_t failed_name_mismatch;
    uint64_t failed_plaintext;
    uint64_t failed_reset;
    uint64_t failed_other;
    uint64_t closed_clean;
    uint64_t closed_truncated; /* without close_notify */
    uint64_t closed_reset;
    uint64_t closed_protocol_error;
    uint64_t tickets_issued;
    uint64_t ticket_hits;
    uint64_t ticket_misses;
    uint64_t cache_hits; /* of sessions kept in memory */
    uint64_t cache_misses;
    uint64_t sessions_tls12;
    uint64_t sessions_tls13;
    uint64_t sessions_aes128_gcm;
    uint64_t sessions_aes256_gcm;
    uint64_t sessions_chacha20;
    uint64_t sessions_other_cipher;
    uint64_t records_in; /* with data of the application */
    uint64_t records_out;
    uint64_t plaintext_in;
    uint64_t plaintext_out;
    uint64_t handshake_cpu_us;
} __attribute__((aligned(64)));

/* Owner only. A relaxed store, so that readers on other threads see whole values. */
#define io_stat_add(field, amount)                                                                 \
    __atomic_store_n(&(field), (field) + (uint64_t)(amount), __ATOMIC_RELAXED)
#define io_stat_subtract(field, amount)                                                            \
    __atomic_store_n(&(field), (field) - (uint64_t)(amount), __ATOMIC_RELAXED)
#define io_stat_read(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

/* Adds every counter of `from` to `to` (a private sum). Any thread. */
void io_stats_sum(struct io_stats *to, const struct io_stats *from);

#endif
