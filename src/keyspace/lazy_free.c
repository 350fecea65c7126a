/* Freeing on the worker thread: single large values, and whole databases. Main thread, except the
 * work_ functions, which run on the worker and touch nothing but what was handed to them.
 *
 * A shared string may still be referenced by a reply on its way out, and its count is main's. So
 * the worker frees everything else, collects the shared strings and hands them back; main drops the
 * references that others hold too and sends the rest to the worker again. Nobody but the emptied
 * database ever holds a reference of those, so the worker may free them.
 */
#include "base/background.h"
#include "base/memory.h"
#include "keyspace/keyspace_internal.h"

enum {
    CHUNK_STRINGS = 1000,
    CHUNKS_PER_STEP = 4,
    VALUE_SAMPLES = 5,
    KEY_SAMPLES = 20,
    /* Databases up to this size are emptied at once, unless their values are large. */
    ASYNC_KEYS_MIN = 64,
    ASYNC_EFFORT_MIN = 1000, /* allocations */
    ASYNC_TABLE_MIN = 64 * 1024,
    /* What would stop main for milliseconds goes to the worker whatever was asked for. */
    STALLING_KEYS_MIN = 20000,
    STALLING_EFFORT_MIN = 20000
};

struct string_chunk {
    struct string_chunk *next;
    size_t count;
    struct shared_bytes *strings[CHUNK_STRINGS];
};

/* Chunks that came back from the worker. */
struct keyspace_reclaim {
    struct string_chunk *chunks;
};

struct db_job {
    struct keyspace *keyspace;
    struct dict keys;
    struct expiry_index expiry;
    struct expiry_index fields;
    size_t count;
    uint64_t bytes;
    struct string_chunk *chunks;
};

struct value_job {
    struct keyspace *keyspace;
    struct value value;
    uint64_t bytes;
};

/* -- one value -- */

static void work_value(void *argument)
{
    struct value_job *job = argument;
    value_free(job->value);
}

static void done_value(void *argument)
{
    struct value_job *job = argument;
    job->keyspace->stats.lazyfree_pending--;
    job->keyspace->pending_bytes -= job->bytes;
    job->keyspace->stats.lazyfreed_objects++;
    mem_free(job);
}

void lazy_free_value(struct keyspace *keyspace, struct value value)
{
    if (!keyspace->background) {
        value_free(value);
        return;
    }
    struct value_job *job = mem_alloc(sizeof(*job));
    *job = (struct value_job){keyspace, value, value_memory(value, VALUE_SAMPLES)};
    keyspace->stats.lazyfree_pending++;
    keyspace->pending_bytes += job->bytes;
    background_submit(keyspace->background, BACKGROUND_FREE, work_value, done_value, job);
}

/* -- one database -- */

static void collect(struct db_job *job, struct shared_bytes *string)
{
    struct string_chunk *chunk = job->chunks;
    if (!chunk || chunk->count == CHUNK_STRINGS) {
        chunk = mem_alloc(sizeof(*chunk));
        chunk->next = job->chunks;
        chunk->count = 0;
        job->chunks = chunk;
    }
    chunk->strings[chunk->count++] = string;
}

static void free_or_collect(void *context, void *opaque)
{
    struct entry *entry = opaque;
    struct shared_bytes *shared = entry_is_string(entry) ? entry_shared(entry) : NULL;
    if (shared) {
        collect(context, shared);
        entry_free_shell(entry);
    } else {
        entry_free(entry);
    }
}

/* The entries are freed one by one already; the table then only frees itself. */
static const struct dict_type shell_type = {0};

static void work_db(void *argument)
{
    struct db_job *job = argument;
    dict_each(&job->keys, free_or_collect, job);
    job->keys.type = &shell_type;
    dict_deinit(&job->keys);
    expiry_index_deinit(&job->expiry);
    expiry_index_deinit(&job->fields);
}

static void done_db(void *argument)
{
    struct db_job *job = argument;
    struct keyspace *keyspace = job->keyspace;
    keyspace->stats.lazyfree_pending -= job->count;
    keyspace->pending_bytes -= job->bytes;
    keyspace->flush_jobs_done++;
    keyspace->stats.lazyfreed_objects += job->count;
    while (job->chunks) {
        struct string_chunk *chunk = job->chunks;
        job->chunks = chunk->next;
        chunk->next = keyspace->reclaim->chunks;
        keyspace->reclaim->chunks = chunk;
    }
    mem_free(job);
}

static void add_effort(void *context, void *opaque)
{
    const struct entry *entry = opaque;
    size_t *effort = context;
    *effort += entry_is_string(entry) ? 1 : value_free_effort(entry_value(entry));
}

static bool goes_to_worker(struct db *db, bool is_async)
{
    size_t count = db_count(db);
    if (is_async && (count > ASYNC_KEYS_MIN || dict_memory(&db->keys) >= ASYNC_TABLE_MIN))
        return true;
    if (count > STALLING_KEYS_MIN)
        return true;
    size_t effort = 0;
    dict_each(&db->keys, add_effort, &effort);
    return effort >= (is_async ? ASYNC_EFFORT_MIN : STALLING_EFFORT_MIN);
}

/* Bytes of a database, from a few of its keys. */
static uint64_t estimate(const struct db *db)
{
    void *entries[KEY_SAMPLES];
    uint64_t sum = 0;
    size_t count = dict_sample(&db->keys, entries, KEY_SAMPLES);
    for (size_t i = 0; i < count; i++)
        sum += entry_memory(entries[i], VALUE_SAMPLES);
    return count ? sum * db_count(db) / count + dict_memory(&db->keys) : 0;
}

void lazy_free_db(struct db *db, bool is_async)
{
    struct keyspace *keyspace = db->keyspace;
    size_t count = db_count(db);
    if (!keyspace->background || !goes_to_worker(db, is_async)) {
        dict_clear(&db->keys);
        expiry_index_deinit(&db->expiry);
        expiry_index_deinit(&db->fields);
        return;
    }
    if (!keyspace->reclaim)
        keyspace->reclaim = mem_calloc(1, sizeof(*keyspace->reclaim));
    struct db_job *job = mem_calloc(1, sizeof(*job));
    job->keyspace = keyspace;
    job->keys = db->keys;
    job->expiry = db->expiry;
    job->fields = db->fields;
    job->count = count;
    job->bytes = estimate(db);
    unsigned resize = db->keys.resize;
    dict_init(&db->keys, &db_dict_type);
    dict_set_resize(&db->keys, resize);
    expiry_index_init(&db->expiry);
    expiry_index_init(&db->fields);
    keyspace->stats.lazyfree_pending += count;
    keyspace->pending_bytes += job->bytes;
    keyspace->flush_jobs++;
    background_submit(keyspace->background, BACKGROUND_FREE, work_db, done_db, job);
}

/* -- the strings that came back -- */

static void work_chunk(void *argument)
{
    struct string_chunk *chunk = argument;
    for (size_t i = 0; i < chunk->count; i++)
        shared_bytes_release(chunk->strings[i]);
    mem_free(chunk);
}

/* Drops what others still use; what stays is the chunk's alone. */
static void chunk_drop_shared(struct string_chunk *chunk)
{
    size_t kept = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->strings[i]->references == 1)
            chunk->strings[kept++] = chunk->strings[i];
        else
            shared_bytes_release(chunk->strings[i]);
    }
    chunk->count = kept;
}

void lazy_free_step(struct keyspace *keyspace)
{
    for (int i = 0; keyspace->reclaim && keyspace->reclaim->chunks && i < CHUNKS_PER_STEP; i++) {
        struct string_chunk *chunk = keyspace->reclaim->chunks;
        keyspace->reclaim->chunks = chunk->next;
        chunk_drop_shared(chunk);
        background_submit(keyspace->background, BACKGROUND_FREE, work_chunk, NULL, chunk);
    }
}

void lazy_free_deinit(struct keyspace *keyspace)
{
    while (keyspace->reclaim && keyspace->reclaim->chunks) {
        struct string_chunk *chunk = keyspace->reclaim->chunks;
        keyspace->reclaim->chunks = chunk->next;
        work_chunk(chunk);
    }
    mem_free(keyspace->reclaim);
    keyspace->reclaim = NULL;
}
