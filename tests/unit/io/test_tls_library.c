/* Library contexts are recycled; initialization may be repeated; threads come and go. */
#ifdef BUILD_TLS
#include "tls_pair.h"

#include "io/tls_internal.h"
#include <pthread.h>

TestSuite(tls_library, .init = tls_test_begin);

Test(tls_library, says_what_it_is)
{
    cr_assert(tls_is_supported());
    cr_assert(strncmp(tls_library_version(), "OpenSSL ", 8) == 0);
    cr_assert_eq(tls_library_init(), 0);
}

Test(tls_library, contexts_are_recycled)
{
    struct tls_library *one = tls_library_acquire();
    struct tls_library *two = tls_library_acquire();
    cr_assert(one && two && one != two);
    cr_assert_neq(tls_library_openssl(one), tls_library_openssl(two));
    tls_library_give_back(one);
    cr_assert_eq(tls_library_acquire(), one);
    tls_library_give_back(one);
    tls_library_give_back(two);
    tls_library_give_back(NULL);
}

struct visit {
    struct tls_context *server;
    struct tls_context *client;
    struct pair pair;
};

static void *shake_on_a_thread(void *pointer)
{
    struct visit *visit = pointer;
    mem_thread_start();
    pair_open(&visit->pair, visit->client, visit->server, NULL);
    cr_assert(pair_shake(&visit->pair));
    mem_thread_stop();
    return NULL;
}

/* The thread that used a context ends after the context was released by another, and before. */
Test(tls_library, threads_end_in_any_order)
{
    struct tls_settings settings = settings_for_tests();
    for (int i = 0; i < 3; i++) {
        struct visit visit;
        visit.server = context_for(&settings, NULL);
        visit.client = client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, shake_on_a_thread, &visit), 0);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        check_passes(&visit.pair.client, &visit.pair.server, "a session that has moved here");
        tls_context_release(visit.server);
        tls_context_release(visit.client);
        pair_close(&visit.pair);
    }
}

/* Two threads with contexts of their own and shared tickets. */
static void *shake_often(void *pointer)
{
    struct visit *visit = pointer;
    mem_thread_start();
    for (int i = 0; i < 20; i++) {
        pair_open(&visit->pair, visit->client, visit->server, NULL);
        cr_assert(pair_shake(&visit->pair));
        check_passes(&visit->pair.client, &visit->pair.server, "PING");
        pair_close(&visit->pair);
    }
    mem_thread_stop();
    return NULL;
}

Test(tls_library, threads_work_side_by_side)
{
    struct tls_settings settings = settings_for_tests();
    struct tls_tickets *tickets = tls_tickets_create();
    struct visit visits[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        visits[i].server = context_for(&settings, tickets);
        visits[i].client = client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
        cr_assert_eq(pthread_create(&threads[i], NULL, shake_often, &visits[i]), 0);
    }
    for (int i = 0; i < 10; i++)
        tls_tickets_rotate(tickets);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        tls_context_release(visits[i].server);
        tls_context_release(visits[i].client);
    }
    tls_tickets_destroy(tickets);
}

#endif
