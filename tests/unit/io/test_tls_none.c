/* The TLS interface in a build without OpenSSL: creation fails with Redis's words, the rest does
 * nothing. */
#include <criterion/criterion.h> /* before the rest: a build with TLS needs its main, too */
#ifndef BUILD_TLS
#include "base/memory.h"
#include "io/tls_context.h"
#include "io/tls_tickets.h"
#include "io/transport_tls.h"
#include <string.h>

TestSuite(tls_none, .init = mem_init);

Test(tls_none, creation_fails)
{
    char error[64] = "";
    cr_assert_eq(tls_library_init(), 0);
    cr_assert_not(tls_is_supported());
    cr_assert_str_eq(tls_library_version(), "none");
    cr_assert_null(tls_context_create(&(struct tls_settings){0}, NULL, true, error, sizeof(error)));
    cr_assert_str_eq(error, "Failed finding TLS support.");
    memset(error, 0, sizeof(error));
    cr_assert_null(
        tls_context_create_client(&(struct tls_client_settings){0}, error, sizeof(error)));
    cr_assert_str_eq(error, "Failed finding TLS support.");
    memset(error, 0, sizeof(error));
    cr_assert_null(tls_context_create_foreign(&(struct tls_settings){0}, error, sizeof(error)));
    cr_assert_str_eq(error, "Failed finding TLS support.");
    cr_assert_null(transport_tls_create(&(struct tls_transport_options){0}));
}

Test(tls_none, the_rest_does_nothing)
{
    struct tls_tickets *tickets = tls_tickets_create();
    tls_tickets_rotate(tickets);
    tls_tickets_rotate_if_due(tickets, 1);
    tls_tickets_new_epoch(tickets);
    cr_assert_eq(tls_tickets_epoch(tickets), 0);
    tls_tickets_destroy(tickets);
    tls_context_release(NULL);
    struct tls_certificate_facts facts[3];
    tls_context_describe(NULL, &facts[0], &facts[1], &facts[2]);
    cr_assert_str_eq(facts[2].serial, "none");
}

#endif
