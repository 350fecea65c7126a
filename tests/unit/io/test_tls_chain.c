/* What is told of a peer's certificates. */
#ifdef BUILD_TLS
#include "io/tls_chain.h"
#include "tls_pair_contexts.h"

#include "base/clock.h"

TestSuite(tls_chain, .init = begin, .fini = finish);

Test(tls_chain, tells_the_server_and_its_authority)
{
    struct pair pair;
    pair_open(&pair, client, server, NULL);
    cr_assert(pair_shake(&pair));
    struct tls_chain_link links[TLS_CHAIN_MAX];
    char verdict[64];
    int count =
        tls_chain_describe(pair.client.transport, links, TLS_CHAIN_MAX, verdict, sizeof(verdict));
    cr_assert_eq(count, 2);
    cr_assert_str_eq(verdict, "ok");
    cr_assert_not_null(strstr(links[0].subject, "CN=localhost"), "%s", links[0].subject);
    cr_assert_str_eq(links[0].issuer, links[1].subject);
    cr_assert_str_eq(links[1].issuer, links[1].subject);
    cr_assert_not_null(strstr(links[0].names, "DNS:localhost"), "%s", links[0].names);
    cr_assert_not_null(strstr(links[0].key, " bits"));
    int64_t now_s = clock_read_wall_us() / 1000000;
    cr_assert_lt(links[0].begins_wall_s, now_s);
    cr_assert_gt(links[0].expires_wall_s, now_s);
    pair_close(&pair);
}

Test(tls_chain, keeps_within_the_room_given)
{
    struct pair pair;
    pair_open(&pair, client, server, NULL);
    cr_assert(pair_shake(&pair));
    struct tls_chain_link link = {0};
    char verdict[2];
    cr_assert_eq(tls_chain_describe(pair.client.transport, &link, 1, verdict, sizeof(verdict)), 1);
    cr_assert_str_eq(verdict, "o");
    pair_close(&pair);
}

Test(tls_chain, of_a_plain_transport_is_empty)
{
    struct tls_chain_link link;
    char verdict[16] = "before";
    cr_assert_eq(tls_chain_describe(transport_plain(), &link, 1, verdict, sizeof(verdict)), 0);
    cr_assert_str_eq(verdict, "");
}
#endif
