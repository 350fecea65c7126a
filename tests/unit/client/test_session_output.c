/* The way out: replies of every kind of chunk arrive whole and in order through a peer that reads
 * slowly; requests are not handed on while too much waits. */
#include "client/session.h"

#include "session_rig.h"

TestSuite(session_output, .init = set_up, .timeout = 60);

struct expected {
    char *bytes;
    size_t size;
    size_t capacity;
    size_t seen;
};

static void expect_more(struct expected *expected, const struct reply_chain *chain)
{
    for (const struct reply_chunk *chunk = chain->head; chunk; chunk = chunk->next) {
        if (expected->size + chunk->size > expected->capacity) {
            expected->capacity = (expected->size + chunk->size) * 2;
            expected->bytes = realloc(expected->bytes, expected->capacity);
        }
        if (chunk->size)
            memcpy(expected->bytes + expected->size, chunk->bytes, chunk->size);
        expected->size += chunk->size;
    }
}

static void receive(struct expected *expected, size_t maximum)
{
    static char got[1 << 16];
    while (maximum > 0) {
        ssize_t count = rig_receive(&rig, got, maximum < sizeof(got) ? maximum : sizeof(got));
        if (count <= 0)
            return;
        cr_assert_leq(expected->seen + (size_t)count, expected->size, "more than was sent");
        cr_assert_eq(memcmp(got, expected->bytes + expected->seen, (size_t)count), 0,
                     "wrong bytes after %zu", expected->seen);
        expected->seen += (size_t)count;
        maximum -= (size_t)count;
    }
}

/* A reply of random pieces: small ones, ones that fill chunks, shared values, empty chunks. */
static void write_random(struct reply *reply, struct random_state *random)
{
    static char text[40000];
    for (uint64_t pieces = pick(random, 6); pieces > 0; pieces--) {
        size_t size = pick(random, pick(random, 2) ? 50 : sizeof(text));
        memset(text, 'a' + (int)pick(random, 26), size);
        if (pick(random, 3) == 0) {
            struct shared_bytes *value = shared_bytes_create(text, size);
            reply_bulk_shared(reply, value);
            shared_bytes_release(value);
        } else {
            reply_bulk(reply, text, size);
        }
    }
}

static void push_random(struct expected *expected, struct random_state *random)
{
    struct reply reply;
    reply_begin(&reply, 2, NULL);
    write_random(&reply, random);
    if (!reply.chain.head)
        return;
    expect_more(expected, &reply.chain);
    push_chain(reply.chain);
}

static void answer_random(struct expected *expected, struct random_state *random)
{
    struct request_batch *batch = rig.batch;
    struct reply reply;
    reply_begin(&reply, 2, batch->room);
    batch->room = NULL;
    write_random(&reply, random);
    batch->replies = reply.chain;
    expect_more(expected, &batch->replies);
    rig.batch = NULL;
    rig_post(&rig, (struct message){.type = SESSION_REPLIES, .a = batch});
}

Test(session_output, arrives_whole_and_in_order)
{
    for (size_t b = 0; b < 2; b++) {
        struct random_state random;
        random_state_seed(&random, 4711 + b);
        struct expected expected = {0};
        rig_open(&rig, backends[b]);
        rig_lend(&rig, LEND_AUTHENTICATED);
        RIG_UNTIL(&rig, rig.opened);
        for (int i = 0; i < 1500; i++) {
            if (pick(&random, 2))
                rig_send_text(&rig, "PING\r\n");
            if (pick(&random, 3) == 0)
                push_random(&expected, &random);
            if (rig.batch && pick(&random, 2))
                answer_random(&expected, &random);
            if (pick(&random, 2))
                receive(&expected, pick(&random, 100000));
            if (pick(&random, 8) == 0)
                receive(&expected, SIZE_MAX);
            rig_turn(&rig);
            cr_assert_eq(rig.session->output.size + expected.seen <= expected.size, true);
        }
        for (int turns = 0; expected.seen < expected.size || rig.batch; turns++) {
            cr_assert(turns < 20000, "stalled at %zu of %zu", expected.seen, expected.size);
            if (rig.batch)
                answer_random(&expected, &random);
            receive(&expected, SIZE_MAX);
            rig_turn(&rig);
        }
        cr_assert_gt(expected.size, 1 << 20, "the output window was never full");
        cr_assert_eq(rig.meters.bytes_out, expected.size);
        cr_assert_eq(rig.meters.output_size, 0);
        rig_close(&rig, CONNECTION_CLOSE_NOW);
        RIG_UNTIL(&rig, rig.closed);
        rig_forget(&rig);
        rig_shut(&rig);
        free(expected.bytes);
    }
}

Test(session_output, nothing_is_handed_on_while_too_much_waits)
{
    for (size_t b = 0; b < 2; b++) {
        struct random_state random;
        random_state_seed(&random, 1);
        struct expected expected = {0};
        rig_open(&rig, backends[b]);
        rig_lend(&rig, LEND_AUTHENTICATED);
        RIG_UNTIL(&rig, rig.opened);
        while (rig.session->output.size <= SESSION_OUTPUT_PAUSE_SIZE) {
            push_random(&expected, &random);
            rig_turns(&rig, 10); /* what the kernel takes is gone */
        }
        rig_send_text(&rig, "PING\r\n");
        rig_turns(&rig, 20);
        cr_assert_null(rig.batch);
        cr_assert_geq(rig.meters.output_size, SESSION_OUTPUT_PAUSE_SIZE);
        for (int turns = 0; !rig.batch; turns++) {
            cr_assert(turns < 20000, "not resumed");
            receive(&expected, 50000);
            rig_turn(&rig);
        }
        cr_assert_leq(rig.session->output.size, SESSION_OUTPUT_PAUSE_SIZE);
        rig_close(&rig, CONNECTION_CLOSE_NOW);
        RIG_UNTIL(&rig, rig.closed);
        rig_forget(&rig);
        rig_shut(&rig);
        free(expected.bytes);
    }
}

Test(session_output, closing_after_output_sends_all_of_it)
{
    for (size_t b = 0; b < 2; b++) {
        struct random_state random;
        random_state_seed(&random, 5);
        struct expected expected = {0};
        rig_open(&rig, backends[b]);
        rig_lend(&rig, LEND_AUTHENTICATED);
        RIG_UNTIL(&rig, rig.opened);
        while (expected.size < 3 << 20)
            push_random(&expected, &random);
        rig_close(&rig, CONNECTION_CLOSE_AFTER_OUTPUT);
        rig_send_text(&rig, "PING\r\n");
        for (int turns = 0; !rig.closed; turns++) {
            cr_assert(turns < 20000, "not closed");
            receive(&expected, 100000);
            rig_turn(&rig);
        }
        receive(&expected, SIZE_MAX);
        cr_assert_eq(expected.seen, expected.size);
        cr_assert_null(rig.batch, "what came after the decision to close is not read");
        rig_forget(&rig);
        rig_shut(&rig);
        free(expected.bytes);
    }
}
