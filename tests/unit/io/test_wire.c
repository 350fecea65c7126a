/* The wire side of a connection: received buffers and the output block, against plain byte strings.
 */
#include "base/memory.h"
#include "base/random.h"
#include "io/byte_pool.h"
#include "io/loop_internal.h"
#include "io/transport.h"
#include <criterion/criterion.h>
#include <string.h>

static struct loop *make_loop(void)
{
    char error[256];
    const struct loop_options options = {.backend = LOOP_BACKEND_EPOLL};
    mem_init();
    struct loop *loop = loop_create(&options, error);
    cr_assert_not_null(loop);
    return loop;
}

static void receive(struct transport_wire *wire, const char *data, size_t size)
{
    struct io_buffer *buffer = loop_heap_buffer_take(wire->loop);
    memcpy(loop_heap_buffer_room(buffer), data, size);
    buffer->size = (uint32_t)size;
    wire_append(wire, buffer);
}

Test(wire, takes_what_was_received_in_order)
{
    struct loop *loop = make_loop();
    struct transport_wire wire = {.loop = loop};
    struct random_state random;
    random_state_seed(&random, 9);
    char out[50000];
    uint32_t written = 0; /* the stream is the sequence of its own offsets, modulo 251 */
    uint32_t taken = 0;
    for (unsigned step = 0; step < 3000; step++) {
        cr_assert_eq(wire.in_size, written - taken);
        cr_assert_eq(wire_peek(&wire), written == taken ? -1 : (int)(taken % 251));
        size_t size = 1 + random_state_next(&random) % IO_BUFFER_SIZE;
        if (random_state_next(&random) % 2 == 0 && wire.in_count < 16) {
            char data[IO_BUFFER_SIZE];
            for (size_t i = 0; i < size; i++)
                data[i] = (char)((written + i) % 251);
            receive(&wire, data, size);
            written += (uint32_t)size;
            continue;
        }
        size = random_state_next(&random) % sizeof(out);
        wire.in_taken = 0; /* a turn each */
        size_t got = wire_take(&wire, out, size);
        cr_assert_eq(got, size < written - taken ? size : written - taken);
        for (size_t i = 0; i < got; i++)
            cr_assert_eq((unsigned char)out[i], (taken + i) % 251);
        taken += (uint32_t)got;
        cr_assert_eq(wire.in_count == 0, written == taken);
    }
    wire_drop_input(&wire);
    cr_assert_eq(wire.in_size, 0);
    cr_assert_null(wire.in_head);
    loop_destroy(loop);
}

Test(wire, a_turn_takes_no_more_than_its_maximum)
{
    struct loop *loop = make_loop();
    struct transport_wire wire = {.loop = loop};
    static char bytes[WIRE_TURN_SIZE_MAX];
    for (unsigned i = 0; i < 8; i++)
        receive(&wire, bytes, IO_BUFFER_SIZE);
    size_t most = sizeof(bytes) - WIRE_TAKE_COST - 10;
    cr_assert_eq(wire_take(&wire, bytes, most), most);
    cr_assert_eq(wire_take(&wire, bytes, 11), 10);
    cr_assert_eq(wire_take(&wire, bytes, 1), 0);
    cr_assert_eq(wire.in_size, 8 * IO_BUFFER_SIZE - most - 10);
    wire.in_taken = 0;
    cr_assert_eq(wire_take(&wire, bytes, sizeof(bytes)), 8 * IO_BUFFER_SIZE - most - 10);
    cr_assert_eq(wire.in_count, 0);
    /* Small pieces count for more than they are. */
    receive(&wire, bytes, IO_BUFFER_SIZE);
    wire.in_taken = 0;
    size_t pieces = 0;
    while (wire_take(&wire, bytes, 10) > 0)
        pieces++;
    cr_assert_leq(pieces, WIRE_TURN_SIZE_MAX / WIRE_TAKE_COST);
    cr_assert_gt(wire.in_size, 0);
    wire_drop_input(&wire);
    loop_destroy(loop);
}

Test(wire, moving_leaves_nothing_behind)
{
    struct loop *loop = make_loop();
    struct transport_wire wire = {.loop = loop};
    static const char blank[5] = "";
    char out[8];
    receive(&wire, "password", 8);
    const char *data = wire.in_head->data;
    cr_assert_eq(wire_move(&wire, out, 5), 5);
    cr_assert_eq(memcmp(out, "passw", 5), 0);
    cr_assert_eq(memcmp(data, blank, 5), 0);
    cr_assert_eq(memcmp(data + 5, "ord", 3), 0);
    cr_assert_eq(wire_take(&wire, out, 1), 1);
    cr_assert_eq(data[5], 'o');
    cr_assert_eq(wire_move(&wire, out, 8), 2);
    cr_assert_eq(memcmp(out, "rd", 2), 0);
    loop_destroy(loop);
}

Test(wire, output_grows_to_its_maximum_and_not_beyond)
{
    struct loop *loop = make_loop();
    struct transport_wire wire = {.loop = loop};
    size_t written = 0;
    for (;;) {
        size_t part = 1 + written % 5000;
        char *room = wire_reserve(&wire, part);
        if (room == NULL) {
            cr_assert_gt(written + part, (size_t)WIRE_OUT_SIZE_MAX);
            break;
        }
        memset(room, (int)(written % 100), part);
        wire_commit(&wire, part);
        written += part;
        cr_assert_eq(wire.out_size, written);
        cr_assert_leq(written, (size_t)WIRE_OUT_SIZE_MAX);
    }
    size_t left = WIRE_OUT_SIZE_MAX - wire.out_size;
    cr_assert_not_null(wire_reserve(&wire, left));
    wire_commit(&wire, left);
    cr_assert_null(wire_reserve(&wire, 1));
    /* Growing kept the bytes. */
    for (size_t offset = 0; offset < written;) {
        size_t part = 1 + offset % 5000;
        for (size_t i = 0; i < part; i++)
            cr_assert_eq(wire.out[offset + i], (char)(offset % 100));
        offset += part;
    }
    size_t kept = byte_pool_kept(loop_byte_pool(loop));
    wire_drop_output(&wire);
    cr_assert_null(wire.out);
    cr_assert_eq(byte_pool_kept(loop_byte_pool(loop)), kept + 128 * 1024);
    wire_drop_output(&wire);
    loop_destroy(loop);
}

Test(wire, a_reservation_that_is_not_committed_is_nothing)
{
    struct loop *loop = make_loop();
    struct transport_wire wire = {.loop = loop};
    cr_assert_not_null(wire_reserve(&wire, 100));
    cr_assert_eq(wire.out_size, 0);
    memcpy(wire_reserve(&wire, 3), "abc", 3);
    wire_commit(&wire, 3);
    cr_assert_eq(memcmp(wire.out, "abc", 3), 0);
    wire_drop_output(&wire);
    loop_destroy(loop);
}
