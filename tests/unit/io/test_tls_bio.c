/* The BIO over a wire: what it takes, gives, and asks to be retried. */
#ifdef BUILD_TLS
#include "tls_pair.h"

#include "io/tls_bio.h"

static struct tls_bio_port port;
static struct end end;
static BIO_METHOD *method;
static BIO *bio;

static void begin(void)
{
    mem_init();
    memset(&end, 0, sizeof(end));
    end.in = mem_alloc(1);
    end.out_max = 100;
    port.wire = &end.wire;
    method = tls_bio_method_create();
    bio = tls_bio_create(method, &port);
    cr_assert_not_null(bio);
}

static void finish(void)
{
    BIO_free(bio);
    BIO_meth_free(method);
    end_close(&end);
}

TestSuite(tls_bio, .init = begin, .fini = finish);

Test(tls_bio, reads_what_was_received)
{
    char data[8] = "";
    end_receive(&end, "0123456789", 10);
    cr_assert_eq(BIO_pending(bio), 10);
    cr_assert_eq(BIO_read(bio, data, 4), 4);
    cr_assert_arr_eq(data, "0123", 4);
    cr_assert_eq(BIO_read(bio, data, 8), 6);
    cr_assert_arr_eq(data, "456789", 6);
    cr_assert_leq(BIO_read(bio, data, 8), 0);
    cr_assert(BIO_should_retry(bio) && BIO_should_read(bio));
    end_receive(&end, "x", 1);
    cr_assert_eq(BIO_read(bio, data, 8), 1);
    cr_assert_not(BIO_should_retry(bio));
}

/* The end of the stream is the transport's business. */
Test(tls_bio, the_end_reads_as_nothing_yet)
{
    char data[8];
    end.wire.in_ended = true;
    cr_assert_leq(BIO_read(bio, data, 8), 0);
    cr_assert(BIO_should_read(bio));
    cr_assert_not(BIO_eof(bio));
}

Test(tls_bio, writes_all_or_nothing)
{
    char data[101] = {0};
    cr_assert_eq(BIO_write(bio, data, 60), 60);
    cr_assert_leq(BIO_write(bio, data, 41), 0);
    cr_assert(BIO_should_retry(bio) && BIO_should_write(bio));
    cr_assert_eq(end.wire.out_size, 60);
    cr_assert_eq(BIO_write(bio, data, 40), 40);
    cr_assert_not(BIO_should_retry(bio));
    cr_assert_eq(end.wire.out_size, 100);
    cr_assert_eq(BIO_flush(bio), 1);
}

/* Outside of a call there is no wire; a late write (of a destructor) is refused, not lost in
 * memory. */
Test(tls_bio, without_a_wire_writes_are_refused)
{
    port.wire = NULL;
    cr_assert_leq(BIO_write(bio, "x", 1), 0);
    cr_assert_eq(BIO_pending(bio), 0);
    port.wire = &end.wire;
}

Test(tls_bio, knows_its_port)
{
    cr_assert_eq(tls_bio_port_of(bio), &port);
}

#endif
