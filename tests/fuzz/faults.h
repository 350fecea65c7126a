/* Calls that fail when their turn comes: OpenSSL's allocations, and those that read files, which
 * stand here in place of libc's, for the program and the libraries it uses. Included by the only
 * file of a program, which says for which threads they are (fault_is_here) and may ask must_fail
 * for calls of its own.
 *
 * Prepared and read while nothing happens that could fail.
 */
#ifndef FUZZ_FAULTS_H
#define FUZZ_FAULTS_H

#include "base/assert.h"
#include "base/memory.h"
#include "io/tls_context.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATES "tests/tls/"

enum fault_kind { FAULT_MEMORY, FAULT_FILES, FAULT_THREADS };
enum { FAULT_ALL = 255 };

static struct {
    bool is_on;
    enum fault_kind kind;
    uint64_t calls;
    uint64_t first; /* the call that fails, from 1 */
    uint64_t count; /* how many do, from there; FAULT_ALL: all */
    uint64_t failed;
    int64_t live; /* OpenSSL's allocations */
} faults;

/* The program's: whether the thread that calls is one for which such calls fail. */
static bool fault_is_here(enum fault_kind kind);

static void faults_prepare(enum fault_kind kind, uint64_t first, uint64_t count)
{
    faults.is_on = false;
    faults.kind = kind;
    faults.calls = 0;
    faults.first = first;
    faults.count = count;
    faults.failed = 0;
}

static void faults_switch(bool is_on)
{
    __atomic_store_n(&faults.is_on, is_on, __ATOMIC_RELEASE);
}

static bool faults_are_on(enum fault_kind kind)
{
    return __atomic_load_n(&faults.is_on, __ATOMIC_ACQUIRE) && faults.kind == kind &&
           fault_is_here(kind);
}

static bool must_fail(enum fault_kind kind)
{
    if (!faults_are_on(kind))
        return false;
    uint64_t number = __atomic_add_fetch(&faults.calls, 1, __ATOMIC_RELAXED);
    bool fails = number >= faults.first &&
                 (faults.count == FAULT_ALL || number < faults.first + faults.count);
    if (fails)
        __atomic_add_fetch(&faults.failed, 1, __ATOMIC_RELAXED);
    return fails;
}

/* -- OpenSSL's allocations -- */

static void *fault_realloc(void *old, size_t size, const char *file, int line)
{
    if (size > 0 && must_fail(FAULT_MEMORY))
        return NULL;
    void *fresh = old ? mem_tls_realloc(old, size, file, line) : mem_tls_alloc(size, file, line);
    int more = old ? -(size == 0) : fresh != NULL;
    __atomic_add_fetch(&faults.live, more, __ATOMIC_RELAXED);
    return fresh;
}

static void *fault_alloc(size_t size, const char *file, int line)
{
    return fault_realloc(NULL, size, file, line);
}

static void fault_free(void *old, const char *file, int line)
{
    __atomic_sub_fetch(&faults.live, old != NULL, __ATOMIC_RELAXED);
    mem_tls_free(old, file, line);
}

/* OpenSSL 3.0 loses a few small blocks itself when its looking for decoders fails in the middle
 * (OSSL_DECODER_CTX_new_for_pkey): `live` counts, and LeakSanitizer looks away. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void leaks_hide(bool is_hidden)
{
    if (is_hidden && __lsan_disable)
        __lsan_disable();
    if (!is_hidden && __lsan_enable)
        __lsan_enable();
}

/* Before anything else of OpenSSL's. There are certificates afterwards. */
static void faults_begin(CRYPTO_malloc_fn alloc, CRYPTO_realloc_fn reallocate)
{
    if (access(CERTIFICATES ".complete", R_OK) != 0 && system("utils/gen-test-certs.sh") != 0)
        panic("no certificates");
    assert(tls_library_init() == 0);
    assert(CRYPTO_set_mem_functions(alloc, reallocate, fault_free) == 1);
}

/* -- files -- */

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    errno = EMFILE;
    return must_fail(FAULT_FILES) ? -1 : REAL(open)(path, flags, mode);
}

int fstat(int fd, struct stat *facts)
{
    errno = EIO;
    return must_fail(FAULT_FILES) ? -1 : REAL(fstat)(fd, facts);
}

/* A little at a time: it may fail in the middle of a file as well. */
ssize_t read(int fd, void *to, size_t size)
{
    enum { SIZE_MAX_WHILE_ON = 700 };
    errno = EIO;
    if (must_fail(FAULT_FILES))
        return -1;
    bool is_little = size > SIZE_MAX_WHILE_ON && faults_are_on(FAULT_FILES);
    return REAL(read)(fd, to, is_little ? SIZE_MAX_WHILE_ON : size);
}

DIR *opendir(const char *path)
{
    errno = ENFILE;
    return must_fail(FAULT_FILES) ? NULL : REAL(opendir)(path);
}

#endif
