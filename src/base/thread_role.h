/* Who may touch what. Two roles: the main command thread and the I/O threads. Under clang the
 * annotations are checked at compile time (-Wthread-safety); everywhere entering_* asserts at run
 * time. Mark fields MAIN_ONLY / IO_ONLY and functions ON_MAIN / ON_IO; callbacks begin with
 * entering_main() or entering_io(). With one I/O thread the main thread holds both roles. */
#ifndef BASE_THREAD_ROLE_H
#define BASE_THREAD_ROLE_H

#ifdef __clang__
#define TSA(x) __attribute__((x))
#else
#define TSA(x)
#endif

enum { THREAD_INDEX_MAIN = 0, THREAD_INDEX_NONE = -1 };

struct TSA(capability("role")) thread_role {
    char unused;
};
extern struct thread_role main_role;
extern struct thread_role io_role;

#define MAIN_ONLY TSA(guarded_by(main_role))
#define IO_ONLY   TSA(guarded_by(io_role))
#define ON_MAIN   TSA(requires_capability(main_role))
#define ON_IO     TSA(requires_capability(io_role))

/* Names the calling thread ("io-3", at most 15 characters, seen in /proc) and sets its index:
 * 0 is main, 1.. are I/O threads, THREAD_INDEX_NONE any other. Also registers it with memory. */
void thread_role_enter(int index, const char *name);
void thread_role_leave(void);
int thread_index_current(void);

/* Aborts unless on main (index 0). */
void entering_main(void) TSA(assert_capability(main_role));
/* Aborts unless on an I/O thread or main serving connections inline (index >= 0). */
void entering_io(void) TSA(assert_capability(io_role));

#endif
