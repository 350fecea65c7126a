/* The socket suite that both backends must pass: a function per test, called by the test programs
 * of the backends (one Criterion test each).
 */
#ifndef SUPPORT_BACKEND_SUITE_H
#define SUPPORT_BACKEND_SUITE_H

#include "io/loop.h"

/* Every test of the suite, by name. */
// clang-format off
#define BACKEND_SUITE(X)                                                                           \
    X(random_sizes_over_unix_sockets)                                                          \
    X(random_sizes_over_tcp)                                                                   \
    X(bytes_before_open)                                                                       \
    X(bytes_behind_urgent_data)                                                                \
    X(slow_reader_gets_everything_by_short_sends)                                              \
    X(many_sockets)                                                                            \
    X(many_sockets_on_a_tiny_ring)                                                             \
    X(half_close_ends_once_after_the_bytes)                                                    \
    X(end_in_the_same_turn_and_later)                                                          \
    X(reset_is_an_error)                                                                       \
    X(reset_ends_a_blocked_send)                                                               \
    X(close_with_everything_in_flight)                                                         \
    X(a_copy_of_a_closed_descriptor_is_not_heard)                                              \
    X(arrivals_at_closed_sockets_cost_no_buffers)                                              \
    X(a_send_can_be_given_up)                                                                  \
    X(close_from_another_sockets_callback)                                                     \
    X(close_itself_from_its_callback)                                                          \
    X(stop_and_start_receiving)                                                                \
    X(nothing_comes_before_receiving_is_started)                                               \
    X(held_buffers_starve_nobody)                                                              \
    X(a_flood_is_fair_to_others)                                                               \
    X(detached_socket_lives_on_in_another_loop)                                                \
    X(accept_and_connect)                                                                      \
    X(accept_stops_and_starts)                                                                 \
    X(refused_connect)                                                                         \
    X(close_while_connecting_and_accepting)                                                    \
    X(who_is_accepted_while_closing_sees_an_end)                                               \
    X(watch_is_level_triggered)                                                                \
    X(watch_stopped_by_another_in_the_same_turn)                                               \
    X(waiting_ends_with_the_limit_and_with_timers)                                             \
    X(a_send_completion_alone_does_not_keep_the_loop_awake)                                    \
    X(what_was_submitted_is_out_before_the_loop_waits)
// clang-format on

#define DECLARE_SUITE_TEST(name) void suite_##name(enum loop_backend backend);
BACKEND_SUITE(DECLARE_SUITE_TEST)
#undef DECLARE_SUITE_TEST

/* Whether a loop can have it here: call it first. */
bool suite_has_backend(enum loop_backend backend);

#endif
