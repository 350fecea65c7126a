/* Options of snapshots and of the append only file. Main thread. */
#ifndef PERSISTENCE_PERSISTENCE_OPTIONS_H
#define PERSISTENCE_PERSISTENCE_OPTIONS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

enum { SAVE_POINTS_MAX = 128 };

enum appendfsync { APPENDFSYNC_NO, APPENDFSYNC_ALWAYS, APPENDFSYNC_EVERYSEC };
enum sanitize_payload { SANITIZE_NO, SANITIZE_YES, SANITIZE_CLIENTS };

struct save_point {
    int64_t seconds;
    int64_t changes;
};

struct persistence_settings {
    /* `dir` has no field: setting it is chdir(2), reading it is getcwd(3). */
    struct save_point save[SAVE_POINTS_MAX];
    int save_count;
    char *dbfilename;
    bool stop_writes_on_bgsave_error;
    bool rdbcompression;
    bool rdbchecksum;
    bool rdb_del_sync_files;
    bool rdb_save_incremental_fsync;
    int64_t rdb_key_save_delay; /* microseconds a key, tests */
    int64_t key_load_delay;     /* microseconds a key, tests */
    int64_t loading_process_events_interval_bytes;
    int sanitize_dump_payload; /* enum sanitize_payload */

    bool appendonly;
    char *appendfilename;
    char *appenddirname;
    int appendfsync; /* enum appendfsync */
    bool no_appendfsync_on_rewrite;
    int64_t auto_aof_rewrite_percentage;
    int64_t auto_aof_rewrite_min_size;
    bool aof_load_truncated;
    bool aof_use_rdb_preamble;
    bool aof_timestamp_enabled;
    bool aof_rewrite_incremental_fsync;
    bool aof_disable_auto_gc;

    char *aof_rewrite_cpulist;
    char *bgsave_cpulist;
};

extern const struct option_group persistence_options;

#endif
