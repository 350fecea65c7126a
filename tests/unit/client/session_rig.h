/* A session without a server: thread 0's loop, a socket pair whose far end the test holds, and a
 * fake main that takes the session's messages and answers batches when the test says so.
 */
#ifndef TEST_SESSION_RIG_H
#define TEST_SESSION_RIG_H

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "client/session.h"
#include "protocol/resp_writer.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Uniform in [0, bound), reproducible. */
static inline uint64_t pick(struct random_state *random, uint64_t bound)
{
    return random_state_next(random) % bound;
}

struct rig {
    struct io_thread thread;
    struct session_resolver resolver;
    struct client_meters meters;
    struct session *session; /* known from OPENED or CLOSED on */
    int peer;
    /* -- seen -- */
    struct request_batch *batch; /* in flight: held by the fake main */
    unsigned batches;
    unsigned opened;
    unsigned closed;
    enum connection_outcome outcome;
    enum session_close_reason reason;
    unsigned returned; /* recalled, and it has left */
    unsigned spent;
    uint64_t resolved;
};

static void rig_resolve(const void *context, struct request *request)
{
    (void)request;
    ((struct rig *)(uintptr_t)context)->resolved++;
}

static void rig_on_start(struct io_thread *thread)
{
    struct rig *rig = thread->context;
    rig->resolver = (struct session_resolver){rig_resolve, rig};
    thread->owner = session_host_create(thread, &rig->resolver);
}

static void rig_on_message(struct io_thread *thread, const struct message *message)
{
    session_host_message(thread->owner, message);
}

static void rig_on_end(struct io_thread *thread)
{
    session_host_destroy(thread->owner);
}

static const struct io_thread_handler rig_handler = {
    .on_start = rig_on_start, .on_message = rig_on_message, .on_end = rig_on_end};

static inline void rig_post(struct rig *rig, struct message message)
{
    io_thread_post(&rig->thread, message);
}

static inline void rig_settings(struct rig *rig, int64_t query_size_max)
{
    struct session_settings settings = {.bulk_size_max = 512 << 20,
                                        .query_size_max = query_size_max};
    rig_post(rig,
             (struct message){.type = SESSION_SETTINGS, .a = mem_dup(&settings, sizeof(settings))});
}

static inline void rig_open(struct rig *rig, enum loop_backend backend)
{
    *rig = (struct rig){.peer = -1};
    struct loop_options options = {.backend = backend};
    int result = io_thread_init(&rig->thread, 0, &options, &rig_handler, rig);
    cr_assert_eq(result, 0, "%s", rig->thread.error);
    rig_settings(rig, 1 << 30);
}

static inline void rig_lend(struct rig *rig, unsigned flags)
{
    int ends[2];
    int result = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    cr_assert_eq(result, 0);
    rig->peer = ends[0];
    rig->opened = rig->closed = 0;
    rig->session = NULL;
    rig->meters = (struct client_meters){0};
    rig_post(rig, (struct message){.type = SESSION_LEND,
                                   .value = (uint32_t)ends[1],
                                   .a = rig,
                                   .b = &rig->meters,
                                   .c = (void *)(uintptr_t)flags});
}

static inline void rig_drop_peer(struct rig *rig)
{
    if (rig->peer >= 0)
        close(rig->peer);
    rig->peer = -1;
}

static inline void rig_free_chunks(struct rig *rig, struct reply_chunk *chunk)
{
    while (chunk) {
        struct reply_chunk *next = chunk->next;
        cr_assert_neq(chunk->kind, REPLY_CHUNK_ROOM, "a batch's room is not main's to free");
        reply_chunk_free(chunk);
        rig->spent++;
        chunk = next;
    }
}

static inline void rig_take(struct rig *rig, const struct message *message)
{
    switch (message->type) {
    case SESSION_OPENED:
        cr_assert_eq(message->a, (void *)rig);
        cr_assert_null(message->c);
        rig->session = message->b;
        rig->opened++;
        break;
    case SESSION_REQUESTS:
        cr_assert_null(rig->batch, "a second batch in flight");
        cr_assert_eq(rig->closed, 0, "a batch after CLOSED");
        rig->batch = message->a;
        rig->batches++;
        cr_assert_eq((void *)rig->batch->client, (void *)rig);
        cr_assert_gt(rig->batch->count, 0);
        cr_assert_leq(rig->batch->count, REQUEST_BATCH_COUNT_MAX + 1);
        break;
    case SESSION_SPENT:
        rig_free_chunks(rig, message->a);
        break;
    case SESSION_RETURNED:
        cr_assert_eq(message->b, (void *)rig->session);
        cr_assert(message->value, "nothing keeps it");
        rig->returned++;
        break;
    case SESSION_CLOSED:
        cr_assert_eq(rig->closed, 0, "closed twice");
        rig->session = message->b;
        rig->closed++;
        rig->outcome = (enum connection_outcome)(message->value & 0xff);
        rig->reason = (enum session_close_reason)(message->value >> 8);
        break;
    default:
        cr_assert_fail("message %u", message->type);
    }
}

/* One turn of the loop; what the session says is taken. Waits a little when nothing else is to do.
 */
static inline void rig_turn(struct rig *rig)
{
    loop_poll(rig->thread.loop, 1000);
    session_host_turn(rig->thread.owner);
    loop_flush(rig->thread.loop);
    mailbox_publish(&rig->thread.to_main);
    struct message message;
    while (mailbox_receive(&rig->thread.to_main, &message))
        rig_take(rig, &message);
    mailbox_release(&rig->thread.to_main);
}

static inline void rig_turns(struct rig *rig, int count)
{
    while (count-- > 0)
        rig_turn(rig);
}

/* Turns until the condition holds; a test that waits for ever is ended by Criterion's timeout. */
#define RIG_UNTIL(rig, condition)                                                                  \
    do {                                                                                           \
        int turns_ = 0;                                                                            \
        while (!(condition)) {                                                                     \
            rig_turn(rig);                                                                         \
            cr_assert(++turns_ < 20000, "never: %s", #condition);                                  \
        }                                                                                          \
    } while (0)

static inline void rig_send(struct rig *rig, const void *data, size_t size)
{
    const char *from = data;
    while (size > 0) {
        ssize_t count = send(rig->peer, from, size, MSG_NOSIGNAL);
        if (count < 0) {
            cr_assert_eq(errno, EAGAIN);
            rig_turn(rig);
            continue;
        }
        from += count;
        size -= (size_t)count;
    }
}

static inline void rig_send_text(struct rig *rig, const char *text)
{
    rig_send(rig, text, strlen(text));
}

/* What has come, up to `size` bytes; 0 at the end of the stream, -1 when there is nothing now. */
static inline ssize_t rig_receive(struct rig *rig, void *to, size_t size)
{
    ssize_t count = read(rig->peer, to, size);
    cr_assert(count >= 0 || errno == EAGAIN || errno == ECONNRESET);
    return count < 0 && errno == ECONNRESET ? 0 : count;
}

/* Turns until exactly `text` has come. */
static inline void rig_expect(struct rig *rig, const char *text)
{
    size_t size = strlen(text);
    char *got = calloc(size + 1, 1);
    size_t filled = 0;
    for (int turns = 0; filled < size; turns++) {
        cr_assert(turns < 20000, "got '%s' instead of '%s'", got, text);
        ssize_t count = rig_receive(rig, got + filled, size - filled);
        cr_assert_neq(count, 0, "the stream ended behind '%s'", got);
        if (count > 0)
            filled += (size_t)count;
        else
            rig_turn(rig);
    }
    cr_assert_eq(memcmp(got, text, size), 0, "got '%s' instead of '%s'", got, text);
    free(got);
}

/* Answers the batch in hand: +OK to each request. */
static inline void rig_answer(struct rig *rig)
{
    struct request_batch *batch = rig->batch;
    cr_assert_not_null(batch);
    struct reply reply;
    reply_begin(&reply, 2, batch->room);
    batch->room = NULL;
    for (struct request *request = batch->first; request; request = request->next) {
        if (request->kind == REQUEST_PROTOCOL_ERROR)
            reply_errorf(&reply, "%s", request->error_text);
        else
            reply_ok(&reply);
    }
    batch->replies = reply.chain;
    rig->batch = NULL;
    rig_post(rig, (struct message){.type = SESSION_REPLIES, .a = batch});
}

static inline void rig_close(struct rig *rig, enum connection_close_how how)
{
    rig_post(rig, (struct message){.type = SESSION_CLOSE, .a = rig->session, .value = how});
}

/* After CLOSED: gives a batch back, forgets, and lets what is spent come home. */
static inline void rig_forget(struct rig *rig)
{
    cr_assert_eq(rig->closed, 1);
    if (rig->batch)
        rig_post(rig, (struct message){.type = SESSION_BATCH_BACK, .a = rig->batch});
    rig->batch = NULL;
    rig_post(rig, (struct message){.type = SESSION_FORGET, .a = rig->session});
    rig->session = NULL;
    rig_drop_peer(rig);
    rig_turns(rig, 2);
}

static inline void rig_shut(struct rig *rig)
{
    rig_drop_peer(rig);
    struct session_host *host = rig->thread.owner;
    cr_assert_eq(host->count, 0);
    cr_assert(reply_chain_is_empty(&host->spent));
    io_thread_deinit(&rig->thread);
}

/* -- the one of the suites -- */

static struct rig rig;

static const enum loop_backend backends[] = {LOOP_BACKEND_EPOLL, LOOP_BACKEND_AUTO};

#define EACH_BACKEND(b) for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++)

static inline void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
}

static inline void open_session(enum loop_backend backend)
{
    rig_open(&rig, backend);
    rig_lend(&rig, LEND_AUTHENTICATED);
    RIG_UNTIL(&rig, rig.opened == 1);
}

static inline void push_chain(struct reply_chain chain)
{
    rig_post(&rig, (struct message){
                       .type = SESSION_PUSH, .a = rig.session, .b = chain.head, .c = chain.tail});
}

static inline void push_output(size_t size)
{
    struct reply reply;
    reply_begin(&reply, 2, NULL);
    char *text = calloc(size, 1);
    reply_bulk(&reply, text, size);
    free(text);
    push_chain(reply.chain);
}

#endif
