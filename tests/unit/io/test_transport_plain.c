/* The plain transport: bytes pass as they are; ends and full windows are told apart. */
#include "base/memory.h"
#include "io/loop_internal.h"
#include "io/transport.h"
#include <criterion/criterion.h>
#include <string.h>

static struct transport_wire wire;
static struct transport *transport;

static void setup(void)
{
    char error[256];
    const struct loop_options options = {.backend = LOOP_BACKEND_EPOLL};
    mem_init();
    struct loop *loop = loop_create(&options, error);
    cr_assert_not_null(loop);
    wire = (struct transport_wire){.loop = loop};
    transport = transport_plain();
}

static void teardown(void)
{
    struct loop *loop = wire.loop;
    wire_drop_input(&wire);
    wire_drop_output(&wire);
    transport->ops->destroy(transport);
    loop_destroy(loop);
}

static void receive(const char *text)
{
    struct io_buffer *buffer = loop_heap_buffer_take(wire.loop);
    memcpy(loop_heap_buffer_room(buffer), text, strlen(text));
    buffer->size = (uint32_t)strlen(text);
    wire_append(&wire, buffer);
}

Test(transport_plain, reads_then_wants_input_then_ends)
{
    setup();
    char bytes[16];
    size_t count = 99;
    cr_assert_str_eq(transport->ops->name, "tcp");
    cr_assert_eq(transport->ops->handshake(transport, &wire), TRANSPORT_DONE);
    cr_assert_eq(transport->ops->read(transport, &wire, bytes, sizeof(bytes), &count),
                 TRANSPORT_NEED_INPUT);
    cr_assert_eq(count, 0);
    receive("hello");
    wire.in_ended = true;
    cr_assert_eq(transport->ops->read(transport, &wire, bytes, 3, &count), TRANSPORT_DONE);
    cr_assert_eq(count, 3);
    wire.in_taken = WIRE_TURN_SIZE_MAX; /* the rest is for another turn */
    cr_assert_eq(transport->ops->read(transport, &wire, bytes, 3, &count), TRANSPORT_NEED_INPUT);
    wire.in_taken = 0;
    cr_assert_eq(transport->ops->read(transport, &wire, bytes, sizeof(bytes), &count),
                 TRANSPORT_DONE);
    cr_assert_eq(count, 2);
    cr_assert_eq(memcmp(bytes, "lo", 2), 0);
    cr_assert_eq(transport->ops->read(transport, &wire, bytes, sizeof(bytes), &count),
                 TRANSPORT_CLOSED);
    cr_assert_eq(wire.outcome, OUTCOME_CLOSED_CLEAN);
    wire.in_was_reset = true;
    cr_assert_eq(transport->ops->read(transport, &wire, bytes, sizeof(bytes), &count),
                 TRANSPORT_CLOSED);
    cr_assert_eq(wire.outcome, OUTCOME_RESET);
    cr_assert_not(transport->ops->has_pending(transport));
    teardown();
}

Test(transport_plain, writes_until_the_window_is_full)
{
    setup();
    static char bytes[100000];
    memset(bytes, 'w', sizeof(bytes));
    size_t count = 0;
    cr_assert_eq(transport->ops->write(transport, &wire, bytes, sizeof(bytes), &count),
                 TRANSPORT_DONE);
    cr_assert_eq(count, sizeof(bytes));
    cr_assert_eq(transport->ops->write(transport, &wire, bytes, sizeof(bytes), &count),
                 TRANSPORT_DONE);
    cr_assert_eq(count, WIRE_OUT_SIZE_MAX - sizeof(bytes));
    cr_assert_eq(transport->ops->write(transport, &wire, bytes, 1, &count), TRANSPORT_NEED_OUTPUT);
    cr_assert_eq(count, 0);
    size_t before = wire.out_size;
    transport->ops->shutdown(transport, &wire);
    cr_assert_eq(wire.out_size, before);
    teardown();
}
