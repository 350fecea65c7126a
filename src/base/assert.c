/* Assertions and panics: the message goes to the log, then the hook (crash report), then abort.
 *
 * [X] One flag: the first thread to fail makes the report, a later one waits for it to abort the
 * process, and a failure inside the report aborts at once.
 */
#include "base/assert.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

enum { MESSAGE_SIZE_MAX = 1024, REPORT_WAIT_MS = 5000 };

static void (*panic_hook)(const char *message);
static int report_started;
static __thread bool is_reporting;

void panic_set_hook(void (*hook)(const char *message))
{
    panic_hook = hook;
}

static _Noreturn void report_and_abort(const char *message)
{
    if (is_reporting)
        abort();
    is_reporting = true;
    /* Relaxed: only one thread may win, nothing is published with it. */
    if (__atomic_exchange_n(&report_started, 1, __ATOMIC_RELAXED)) {
        poll(NULL, 0, REPORT_WAIT_MS);
        abort();
    }
    log_warning("%s", message);
    if (panic_hook)
        panic_hook(message);
    abort();
}

void assert_failed(const char *expression, const char *file, int line, const char *function)
{
    char message[MESSAGE_SIZE_MAX];
    snprintf(message, sizeof message, "=== ASSERTION FAILED === ==> %s:%d '%s' is not true (%s)",
             file, line, expression, function);
    report_and_abort(message);
}

void panic_at(const char *file, int line, const char *format, ...)
{
    char text[MESSAGE_SIZE_MAX - 256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char message[MESSAGE_SIZE_MAX];
    snprintf(message, sizeof message, "Guru Meditation: %s #%s:%d", text, file, line);
    report_and_abort(message);
}
