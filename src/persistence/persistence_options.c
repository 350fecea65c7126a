/* The table of persistence options. */
#include "persistence/persistence_options.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/option_rows.h"
#include "base/process.h"

static const struct option_name appendfsync_names[] = {
    {"everysec", APPENDFSYNC_EVERYSEC},
    {"always", APPENDFSYNC_ALWAYS},
    {"no", APPENDFSYNC_NO},
    {NULL, 0},
};

static const struct option_name sanitize_names[] = {
    {"no", SANITIZE_NO},
    {"yes", SANITIZE_YES},
    {"clients", SANITIZE_CLIENTS},
    {NULL, 0},
};

/* -- save <seconds> <changes> [...], "" for none -- */

static int set_save(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct persistence_settings *persistence = settings;
    if (argc == 0 || (argc == 1 && argv[0].size == 0)) {
        persistence->save_count = 0;
        return 0;
    }
    if (argc % 2 != 0 || persistence->save_count + argc / 2 > SAVE_POINTS_MAX) {
        buffer_append_text(error, "Invalid save parameters");
        return -1;
    }
    struct save_point points[SAVE_POINTS_MAX];
    for (int i = 0; i < argc / 2; i++) {
        struct save_point *point = &points[i];
        if (!number_parse_i64(argv[2 * i], &point->seconds) || point->seconds < 1 ||
            !number_parse_i64(argv[2 * i + 1], &point->changes) || point->changes < 0) {
            buffer_append_text(error, "Invalid save parameters");
            return -1;
        }
    }
    memcpy(persistence->save + persistence->save_count, points,
           (size_t)(argc / 2) * sizeof points[0]);
    persistence->save_count += argc / 2;
    return 0;
}

static void get_save(const void *settings, struct buffer *out)
{
    const struct persistence_settings *persistence = settings;
    for (int i = 0; i < persistence->save_count; i++)
        buffer_printf(out, "%s%" PRId64 " %" PRId64, i ? " " : "", persistence->save[i].seconds,
                      persistence->save[i].changes);
}

static void rewrite_save(const void *settings, const char *name, struct buffer *out)
{
    const struct persistence_settings *persistence = settings;
    for (int i = 0; i < persistence->save_count; i++)
        buffer_printf(out, "%s %" PRId64 " %" PRId64 "\n", name, persistence->save[i].seconds,
                      persistence->save[i].changes);
    if (persistence->save_count == 0)
        buffer_printf(out, "%s \"\"\n", name);
}

/* -- dir: the process's working folder is the value -- */

static int set_dir(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    (void)settings;
    if (argc != 1) {
        buffer_append_text(error, "wrong number of arguments");
        return -1;
    }
    char path[PATH_MAX];
    if (argv[0].size >= sizeof path || memchr(argv[0].data, '\0', argv[0].size)) {
        buffer_append_text(error, strerror(ENAMETOOLONG));
        return -1;
    }
    memcpy(path, argv[0].data, argv[0].size);
    path[argv[0].size] = '\0';
    if (chdir(path) != 0) {
        buffer_append_text(error, strerror(errno));
        return -1;
    }
    return 0;
}

static void get_dir(const void *settings, struct buffer *out)
{
    (void)settings;
    char path[PATH_MAX];
    buffer_append_text(out, getcwd(path, sizeof path) ? path : "");
}

/* -- file names: names, not paths -- */

static int refuse(struct buffer *error, const char *reason)
{
    buffer_append_text(error, reason);
    return -1;
}

static int check_dbfilename(const void *settings, struct buffer *error)
{
    const struct persistence_settings *persistence = settings;
    if (persistence->dbfilename && strchr(persistence->dbfilename, '/'))
        return refuse(error, "dbfilename can't be a path, just a filename");
    return 0;
}

static int check_appendfilename(const void *settings, struct buffer *error)
{
    const struct persistence_settings *persistence = settings;
    if (!persistence->appendfilename)
        return refuse(error, "appendfilename can't be empty");
    if (strchr(persistence->appendfilename, '/'))
        return refuse(error, "appendfilename can't be a path, just a filename");
    return 0;
}

static int check_appenddirname(const void *settings, struct buffer *error)
{
    const struct persistence_settings *persistence = settings;
    if (!persistence->appenddirname)
        return refuse(error, "appenddirname can't be empty");
    if (strchr(persistence->appenddirname, '/'))
        return refuse(error, "appenddirname can't be a path, just a dirname");
    return 0;
}

static int check_cpulist(const char *list, struct buffer *error)
{
    if (list && process_check_cpulist(list) < 0)
        return refuse(error, "argument must be a list of CPUs, as in 0-3,8 or 0-7:2");
    return 0;
}

static int check_aof_rewrite_cpulist(const void *settings, struct buffer *error)
{
    return check_cpulist(((const struct persistence_settings *)settings)->aof_rewrite_cpulist,
                         error);
}

static int check_bgsave_cpulist(const void *settings, struct buffer *error)
{
    return check_cpulist(((const struct persistence_settings *)settings)->bgsave_cpulist, error);
}

#define BOOL(field, name, flags, value)                                                            \
    OPTION_ROW_BOOL(persistence_settings, field, name, NULL, flags, value)
#define NUMBER(field, name, flags, value, lowest, highest)                                         \
    OPTION_ROW_INT(persistence_settings, field, name, NULL, flags, value, lowest, highest)
#define STRING(field, name, alias, flags, value, check)                                            \
    OPTION_ROW_STRING(persistence_settings, field, name, alias, flags, value, check)

static const struct option rows[] = {
    OPTION_ROW_CUSTOM("save", NULL, OPTION_MULTI_ARG | OPTION_REPEATED, "3600 1 300 100 60 10000",
                      set_save, get_save, rewrite_save),
    OPTION_ROW_CUSTOM("dir", NULL, OPTION_PROTECTED, NULL, set_dir, get_dir, NULL),
    STRING(dbfilename, "dbfilename", NULL, OPTION_PROTECTED, "dump.rdb", check_dbfilename),
    BOOL(stop_writes_on_bgsave_error, "stop-writes-on-bgsave-error", 0, "yes"),
    BOOL(rdbcompression, "rdbcompression", 0, "yes"),
    BOOL(rdbchecksum, "rdbchecksum", OPTION_IMMUTABLE, "yes"),
    BOOL(rdb_del_sync_files, "rdb-del-sync-files", 0, "no"),
    BOOL(rdb_save_incremental_fsync, "rdb-save-incremental-fsync", 0, "yes"),
    NUMBER(rdb_key_save_delay, "rdb-key-save-delay", OPTION_HIDDEN, "0", INT_MIN, INT_MAX),
    NUMBER(key_load_delay, "key-load-delay", OPTION_HIDDEN, "0", INT_MIN, INT_MAX),
    OPTION_ROW_MEMORY(persistence_settings, loading_process_events_interval_bytes,
                      "loading-process-events-interval-bytes", NULL, OPTION_HIDDEN, "2mb", 1024,
                      INT_MAX),
    OPTION_ROW_ENUM(persistence_settings, sanitize_dump_payload, "sanitize-dump-payload", 0, "no",
                    sanitize_names),
    BOOL(appendonly, "appendonly", 0, "no"),
    STRING(appendfilename, "appendfilename", NULL, OPTION_IMMUTABLE, "appendonly.aof",
           check_appendfilename),
    STRING(appenddirname, "appenddirname", NULL, OPTION_IMMUTABLE, "appendonlydir",
           check_appenddirname),
    OPTION_ROW_ENUM(persistence_settings, appendfsync, "appendfsync", 0, "everysec",
                    appendfsync_names),
    BOOL(no_appendfsync_on_rewrite, "no-appendfsync-on-rewrite", 0, "no"),
    NUMBER(auto_aof_rewrite_percentage, "auto-aof-rewrite-percentage", 0, "100", 0, INT_MAX),
    OPTION_ROW_MEMORY(persistence_settings, auto_aof_rewrite_min_size, "auto-aof-rewrite-min-size",
                      NULL, 0, "64mb", 0, LLONG_MAX),
    BOOL(aof_load_truncated, "aof-load-truncated", 0, "yes"),
    BOOL(aof_use_rdb_preamble, "aof-use-rdb-preamble", 0, "yes"),
    BOOL(aof_timestamp_enabled, "aof-timestamp-enabled", 0, "no"),
    BOOL(aof_rewrite_incremental_fsync, "aof-rewrite-incremental-fsync", 0, "yes"),
    BOOL(aof_disable_auto_gc, "aof-disable-auto-gc", 0, "no"),
    STRING(aof_rewrite_cpulist, "aof-rewrite-cpulist", "aof_rewrite_cpulist", OPTION_IMMUTABLE, "",
           check_aof_rewrite_cpulist),
    STRING(bgsave_cpulist, "bgsave-cpulist", "bgsave_cpulist", OPTION_IMMUTABLE, "",
           check_bgsave_cpulist),
};

OPTION_GROUP(persistence_options, "persistence", rows, NULL);
