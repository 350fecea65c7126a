/* Assertions that stay on in release builds.
 *
 * A failed assertion is a programmer's error: the process prints where it happened and aborts,
 * because a crash is better than corrupt data. Conditions must have no side effects. `assert_slow`
 * is for checks that cost more than a few instructions (whole-structure checkers); it is compiled
 * in only when SLUICE_ASSERT_SLOW is defined (unit tests and sanitizer builds).
 *
 * Any thread. Not here: errors that the outside world can cause (those are return values).
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <stdbool.h>

/* Reports `expression` failing at file:line in function, runs the panic hook, aborts. */
_Noreturn void assert_failed(const char *expression, const char *file, int line,
                             const char *function);

/* As assert_failed, for states that cannot be; `format` describes the state. */
_Noreturn void panic_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Installs a function called once before abort (the crash report). NULL removes it. Main thread,
 * before other threads start. */
void panic_set_hook(void (*hook)(const char *message));

#undef assert
#define assert(expression)                                                                         \
    (__builtin_expect(!(expression), 0) ? assert_failed(#expression, __FILE__, __LINE__, __func__) \
                                        : (void)0)

#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)

#ifdef SLUICE_ASSERT_SLOW
#define assert_slow(expression) assert(expression)
#else
#define assert_slow(expression) ((void)0)
#endif

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
