/* INFO persistence. */
#include <inttypes.h>

#include "base/clock.h"
#include "observability/info_internal.h"

static const char *status(bool did_fail)
{
    return did_fail ? "err" : "ok";
}

/* Nothing was saved yet: as of the start there was nothing to save. */
static int64_t start_time(const struct info_sources *sources)
{
    struct info_server server = {.started_us = clock_us()};
    if (sources->server)
        sources->server(sources->context, &server);
    return (clock_wall_us() - (clock_us() - server.started_us)) / 1000000;
}

static void write_save_state(struct buffer *out, const struct info_persistence *p,
                             int64_t last_save)
{
    buffer_printf(out,
                  "loading:%d\r\n"
                  "async_loading:%d\r\n"
                  "current_cow_peak:%" PRIu64 "\r\n"
                  "current_cow_size:%" PRIu64 "\r\n"
                  "current_cow_size_age:%" PRIu64 "\r\n"
                  "current_fork_perc:%.2f\r\n"
                  "current_save_keys_processed:%" PRIu64 "\r\n"
                  "current_save_keys_total:%" PRIu64 "\r\n"
                  "rdb_changes_since_last_save:%" PRIu64 "\r\n"
                  "rdb_bgsave_in_progress:%d\r\n"
                  "rdb_last_save_time:%" PRId64 "\r\n"
                  "rdb_last_bgsave_status:%s\r\n"
                  "rdb_last_bgsave_time_sec:%" PRId64 "\r\n"
                  "rdb_current_bgsave_time_sec:%" PRId64 "\r\n"
                  "rdb_saves:%" PRIu64 "\r\n"
                  "rdb_last_cow_size:%" PRIu64 "\r\n"
                  "rdb_last_load_keys_expired:%" PRIu64 "\r\n"
                  "rdb_last_load_keys_loaded:%" PRIu64 "\r\n",
                  p->is_loading, p->is_async_loading, p->current_cow_peak, p->current_cow_size,
                  p->current_cow_size_age, p->current_fork_percent, p->current_save_keys_processed,
                  p->current_save_keys_total, p->changes_since_last_save, p->is_bgsave_in_progress,
                  last_save, status(p->did_last_bgsave_fail), p->last_bgsave_seconds_plus_1 - 1,
                  p->current_bgsave_seconds_plus_1 - 1, p->rdb_saves, p->rdb_last_cow_size,
                  p->rdb_last_load_keys_expired, p->rdb_last_load_keys_loaded);
}

static void write_aof_state(struct buffer *out, const struct info_persistence *p)
{
    buffer_printf(out,
                  "aof_enabled:%d\r\n"
                  "aof_rewrite_in_progress:%d\r\n"
                  "aof_rewrite_scheduled:%d\r\n"
                  "aof_last_rewrite_time_sec:%" PRId64 "\r\n"
                  "aof_current_rewrite_time_sec:%" PRId64 "\r\n"
                  "aof_last_bgrewrite_status:%s\r\n"
                  "aof_rewrites:%" PRIu64 "\r\n"
                  "aof_rewrites_consecutive_failures:%" PRIu64 "\r\n"
                  "aof_last_write_status:%s\r\n"
                  "aof_last_cow_size:%" PRIu64 "\r\n"
                  "module_fork_in_progress:0\r\n"
                  "module_fork_last_cow_size:0\r\n",
                  p->is_aof_enabled, p->is_aof_rewrite_in_progress, p->is_aof_rewrite_scheduled,
                  p->last_aof_rewrite_seconds_plus_1 - 1, p->current_aof_rewrite_seconds_plus_1 - 1,
                  status(p->did_last_aof_rewrite_fail), p->aof_rewrites,
                  p->aof_rewrites_consecutive_failures, status(p->did_last_aof_write_fail),
                  p->aof_last_cow_size);
}

static void write_aof_sizes(struct buffer *out, const struct info_persistence *p)
{
    buffer_printf(out,
                  "aof_current_size:%" PRIu64 "\r\n"
                  "aof_base_size:%" PRIu64 "\r\n"
                  "aof_pending_rewrite:%d\r\n"
                  "aof_buffer_length:%" PRIu64 "\r\n"
                  "aof_pending_bio_fsync:%" PRIu64 "\r\n"
                  "aof_delayed_fsync:%" PRIu64 "\r\n",
                  p->aof_current_size, p->aof_base_size, p->is_aof_rewrite_pending,
                  p->aof_buffer_length, p->aof_pending_bio_fsync, p->aof_delayed_fsync);
}

static void write_loading(struct buffer *out, const struct info_persistence *p)
{
    buffer_printf(out,
                  "loading_start_time:%" PRId64 "\r\n"
                  "loading_total_bytes:%" PRIu64 "\r\n"
                  "loading_rdb_used_mem:%" PRIu64 "\r\n"
                  "loading_loaded_bytes:%" PRIu64 "\r\n"
                  "loading_loaded_perc:%.2f\r\n"
                  "loading_eta_seconds:%" PRId64 "\r\n",
                  p->loading_start_time, p->loading_total_bytes, p->loading_rdb_used_mem,
                  p->loading_loaded_bytes, p->loading_loaded_percent, p->loading_eta_seconds);
}

static void write_persistence(struct buffer *out, const void *context)
{
    const struct info_sources *sources = context;
    struct info_persistence persistence = {0};
    if (sources->persistence)
        sources->persistence(sources->context, &persistence);
    write_save_state(out, &persistence,
                     persistence.last_save_time ? persistence.last_save_time : start_time(sources));
    write_aof_state(out, &persistence);
    if (persistence.is_aof_enabled)
        write_aof_sizes(out, &persistence);
    if (persistence.is_loading)
        write_loading(out, &persistence);
}

INFO_SECTION(info_persistence_section, "persistence", "Persistence", INFO_EVERYWHERE, 40,
             write_persistence);
