/* A folder of hashed names: found as OpenSSL finds it (the model), but only in regular files. */
#ifdef BUILD_TLS
#include "tls_pair.h"

#include "base/file.h"
#include "base/random.h"
#include "io/tls_ca_folder.h"
#include "io/tls_certificate.h"
#include "io/tls_internal.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <sys/stat.h>

enum { NAMES = 3, ISSUES = 4 };

static char folder[64];
static EVP_PKEY *key;
static X509_NAME *names[NAMES];
static unsigned long hashes[NAMES];
static X509 *certificates[NAMES][ISSUES]; /* of the same subject, with different numbers */
static X509_CRL *lists[NAMES][ISSUES];
static X509_STORE *store;

static X509 *make_certificate(X509_NAME *name, int number)
{
    X509 *certificate = X509_new();
    cr_assert(X509_set_version(certificate, X509_VERSION_3) &&
              ASN1_INTEGER_set(X509_get_serialNumber(certificate), number + 1) &&
              X509_set_issuer_name(certificate, name) && X509_set_subject_name(certificate, name) &&
              X509_set_pubkey(certificate, key) &&
              X509_gmtime_adj(X509_getm_notBefore(certificate), -60) &&
              X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) &&
              X509_sign(certificate, key, EVP_sha256()));
    return certificate;
}

/* Decoded once more: only then has it the hash by which lists are compared. */
static X509_CRL *make_list(const X509_NAME *name, int number)
{
    unsigned char *encoded = NULL;
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, 1700000000 + number);
    cr_assert(X509_CRL_set_version(list, X509_CRL_VERSION_2) &&
              X509_CRL_set_issuer_name(list, name) && X509_CRL_set1_lastUpdate(list, time) &&
              X509_CRL_set1_nextUpdate(list, time) && X509_CRL_sign(list, key, EVP_sha256()));
    ASN1_TIME_free(time);
    int size = i2d_X509_CRL(list, &encoded);
    const unsigned char *at = encoded;
    X509_CRL_free(list);
    list = d2i_X509_CRL(NULL, &at, size);
    cr_assert_not_null(list);
    OPENSSL_free(encoded);
    return list;
}

static void start(void)
{
    tls_test_begin();
    (void)snprintf(folder, sizeof(folder), "/tmp/sluice-ca-folder-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    key = EVP_EC_gen("P-256");
    for (int i = 0; i < NAMES; i++) {
        int is_hashed = 0;
        char text[] = {'n', (char)('0' + i), 0};
        names[i] = X509_NAME_new();
        cr_assert(X509_NAME_add_entry_by_txt(names[i], "CN", MBSTRING_ASC, (unsigned char *)text,
                                             -1, -1, 0));
        hashes[i] = X509_NAME_hash_ex(names[i], NULL, NULL, &is_hashed);
        cr_assert(is_hashed);
        for (int k = 0; k < ISSUES; k++) {
            certificates[i][k] = make_certificate(names[i], k);
            lists[i][k] = make_list(names[i], k);
        }
    }
    store = X509_STORE_new();
    cr_assert_eq(tls_ca_folder_install(store, NULL, folder), 0);
    alarm(30);
}

static void stop(void)
{
    char command[128];
    X509_STORE_free(store);
    for (int i = 0; i < NAMES; i++) {
        X509_NAME_free(names[i]);
        for (int k = 0; k < ISSUES; k++) {
            X509_free(certificates[i][k]);
            X509_CRL_free(lists[i][k]);
        }
    }
    EVP_PKEY_free(key);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(tls_ca_folder, .init = start, .fini = stop);

/* -- files -- */

static void path_of(char path[128], int name, const char *kind, unsigned number)
{
    (void)snprintf(path, 128, "%s/%08lx.%s%u", folder, hashes[name], kind, number);
}

static BIO *create(const char *path)
{
    BIO *file = BIO_new_file(path, "w");
    cr_assert_not_null(file, "%s", path);
    return file;
}

/* Whole at once, as threads may be looking: a list of which half was read is not read again. */
static void put(const char *path, X509 *certificate, X509_CRL *list)
{
    char unfinished[128];
    (void)snprintf(unfinished, sizeof(unfinished), "%s/unfinished", folder);
    BIO *file = create(unfinished);
    cr_assert(certificate ? PEM_write_bio_X509(file, certificate)
                          : PEM_write_bio_X509_CRL(file, list));
    BIO_free(file);
    cr_assert_eq(rename(unfinished, path), 0);
}

static void put_certificate(int name, unsigned number, int issue)
{
    char path[128];
    path_of(path, name, "", number);
    put(path, certificates[name][issue], NULL);
}

static void put_list(int name, unsigned number, int issue)
{
    char path[128];
    path_of(path, name, "r", number);
    put(path, NULL, lists[name][issue]);
}

static void remove_file(int name, const char *kind, unsigned number)
{
    char path[128];
    path_of(path, name, kind, number);
    cr_assert(unlink(path) == 0 || errno == ENOENT || rmdir(path) == 0);
}

/* -- looking -- */

static bool look_in(X509_STORE *where, X509_LOOKUP_TYPE type, int name)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_OBJECT *found = X509_OBJECT_new();
    cr_assert(X509_STORE_CTX_init(context, where, NULL, NULL));
    int result = X509_STORE_CTX_get_by_subject(context, type, names[name], found);
    cr_assert(result == 0 || result == 1);
    if (result) {
        const X509_NAME *is = type == X509_LU_CRL
                                  ? X509_CRL_get_issuer(X509_OBJECT_get0_X509_CRL(found))
                                  : X509_get_subject_name(X509_OBJECT_get0_X509(found));
        cr_assert_eq(X509_NAME_cmp(is, names[name]), 0);
    }
    X509_OBJECT_free(found);
    X509_STORE_CTX_free(context);
    return result;
}

static bool look(X509_LOOKUP_TYPE type, int name)
{
    bool is_found = look_in(store, type, name);
    cr_assert_eq(ERR_peek_error(), 0);
    return is_found;
}

static int held_in(X509_STORE *where)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(where));
}

static bool holds(X509_STORE *where, const X509 *certificate, const X509_CRL *list)
{
    const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(where);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509_OBJECT *object = sk_X509_OBJECT_value(objects, i);
        bool is_list = X509_OBJECT_get_type(object) == X509_LU_CRL;
        if (certificate && !is_list && X509_cmp(X509_OBJECT_get0_X509(object), certificate) == 0)
            return true;
        if (list && is_list &&
            X509_CRL_match(X509_OBJECT_get0_X509_CRL((X509_OBJECT *)object), list) == 0)
            return true;
    }
    return false;
}

/* -- tests -- */

/* Each of these made OpenSSL's own lookup wait, or fail otherwise. */
Test(tls_ca_folder, waits_for_no_pipe)
{
    char path[128];
    char link[128];
    static const char *const kinds[] = {"", "r"};
    for (int i = 0; i < 2; i++) {
        X509_LOOKUP_TYPE type = i ? X509_LU_CRL : X509_LU_X509;
        path_of(path, 0, kinds[i], 0);
        cr_assert_eq(mkfifo(path, 0600), 0);
        cr_assert_not(look(type, 0));
        path_of(link, 1, kinds[i], 0);
        cr_assert_eq(symlink(path, link), 0);
        cr_assert_not(look(type, 1));
        cr_assert_eq(unlink(link), 0);
        cr_assert_eq(symlink("/dev/zero", link), 0);
        cr_assert_not(look(type, 1));
        cr_assert_eq(unlink(link), 0);
        cr_assert_eq(symlink(link, link), 0);
        cr_assert_not(look(type, 1));
        cr_assert_eq(unlink(link), 0);
    }
    /* It is passed over. */
    path_of(link, 1, "", 0);
    cr_assert_eq(mkfifo(link, 0600), 0);
    put_certificate(1, 1, 0);
    cr_assert(look(X509_LU_X509, 1));
    cr_assert_eq(held_in(store), 1);
}

/* Contexts look through it: those of servers, of clients and of tools. */
Test(tls_ca_folder, is_what_contexts_use)
{
    char path[128];
    X509_STORE *stores[3];
    char error[256] = "";
    struct tls_settings settings = settings_for_tests();
    settings.ca_cert_file = NULL;
    settings.ca_cert_dir = folder;
    struct tls_context *server = context_for(&settings, NULL);
    struct tls_context *tool = client_for((struct tls_client_settings){.ca_cert_dir = folder});
    SSL_CTX *foreign = tls_context_create_foreign(&settings, error, sizeof(error));
    cr_assert_not_null(foreign, "%s", error);
    stores[0] = SSL_CTX_get_cert_store(server->server);
    stores[1] = SSL_CTX_get_cert_store(tool->client);
    stores[2] = SSL_CTX_get_cert_store(foreign);
    cr_assert_eq(stores[0], SSL_CTX_get_cert_store(server->client));
    path_of(path, 0, "", 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    put_certificate(1, 0, 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_not(look_in(stores[i], X509_LU_X509, 0));
        cr_assert(look_in(stores[i], X509_LU_X509, 1));
        cr_assert(holds(stores[i], certificates[1][0], NULL));
    }
    SSL_CTX_free(foreign);
    tls_context_release(tool);
    tls_context_release(server);
}

Test(tls_ca_folder, rows_of_one_name)
{
    cr_assert_not(look(X509_LU_X509, 0));
    for (int k = 0; k < 3; k++)
        put_certificate(0, (unsigned)k, k);
    put_certificate(1, 0, 0);
    cr_assert(look(X509_LU_X509, 0));
    for (int k = 0; k < 3; k++)
        cr_assert(holds(store, certificates[0][k], NULL));
    cr_assert_eq(held_in(store), 3, "nothing of other names");
    /* It stays, and is not looked for again. */
    for (int k = 0; k < 3; k++)
        remove_file(0, "", (unsigned)k);
    put_certificate(0, 0, 3);
    cr_assert(look(X509_LU_X509, 0));
    cr_assert_eq(held_in(store), 3);
    /* A gap ends the row. */
    remove_file(1, "", 0);
    put_certificate(1, 1, 1);
    cr_assert_not(look(X509_LU_X509, 1));
}

Test(tls_ca_folder, newer_lists_are_found)
{
    put_list(0, 0, 0);
    cr_assert(look(X509_LU_CRL, 0));
    cr_assert_eq(held_in(store), 1);
    put_list(0, 0, 3); /* that number was read */
    put_list(0, 1, 1);
    put_list(0, 2, 2);
    cr_assert(look(X509_LU_CRL, 0));
    cr_assert_eq(held_in(store), 3);
    cr_assert_not(holds(store, NULL, lists[0][3]));
    cr_assert_not(look(X509_LU_X509, 0));
    cr_assert_not(look(X509_LU_CRL, 1));
}

Test(tls_ca_folder, links_are_followed)
{
    char path[128];
    char target[128];
    put_certificate(0, 0, 0);
    path_of(path, 0, "", 0);
    (void)snprintf(target, sizeof(target), "%s/named.pem", folder);
    cr_assert_eq(rename(path, target), 0);
    cr_assert_eq(symlink("named.pem", path), 0);
    cr_assert(look(X509_LU_X509, 0));
    cr_assert(holds(store, certificates[0][0], NULL));
}

/* Several in one file; what comes before something damaged counts, and the row goes on. */
Test(tls_ca_folder, files_of_several)
{
    char path[128];
    path_of(path, 0, "", 0);
    BIO *file = create(path);
    for (int k = 0; k < 2; k++)
        cr_assert(PEM_write_bio_X509(file, certificates[0][k]));
    (void)BIO_puts(file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    BIO_free(file);
    put_certificate(0, 1, 2);
    cr_assert(look(X509_LU_X509, 0));
    cr_assert_eq(held_in(store), 3);
}

Test(tls_ca_folder, a_row_has_a_maximum)
{
    for (unsigned k = 0; k < TLS_CA_FOLDER_FILES_MAX; k++)
        put_list(0, k, 0);
    put_list(0, TLS_CA_FOLDER_FILES_MAX, 1);
    cr_assert(look(X509_LU_CRL, 0));
    cr_assert_eq(held_in(store), 1, "the same list many times is one");
    cr_assert(look(X509_LU_CRL, 0));
    cr_assert_eq(held_in(store), 2, "the next look goes on");
}

static void check_same(X509_STORE *model)
{
    cr_assert_eq(held_in(store), held_in(model));
    for (int i = 0; i < NAMES; i++)
        for (int k = 0; k < ISSUES; k++) {
            cr_assert_eq(holds(store, certificates[i][k], NULL),
                         holds(model, certificates[i][k], NULL));
            cr_assert_eq(holds(store, NULL, lists[i][k]), holds(model, NULL, lists[i][k]));
        }
}

static void change_something(struct random_state *random, bool with_unusable)
{
    char path[128];
    int name = (int)(random_state_next(random) % NAMES);
    unsigned number = (unsigned)(random_state_next(random) % 4);
    int issue = (int)(random_state_next(random) % ISSUES);
    bool is_list = random_state_next(random) % 2;
    uint64_t what = random_state_next(random) % 8;
    remove_file(name, is_list ? "r" : "", number);
    path_of(path, name, is_list ? "r" : "", number);
    if (what < 4 && is_list)
        put_list(name, number, issue);
    else if (what < 4)
        put_certificate(name, number, issue);
    else if (what == 4 && with_unusable)
        cr_assert_eq(mkdir(path, 0700), 0);
    else if (what == 5 && with_unusable)
        cr_assert_eq(file_write_atomic(path, "nonsense\n", 9, 0600), 0);
    else if (what == 6 && with_unusable)
        cr_assert_eq(symlink("nowhere", path), 0);
}

/* Other releases of OpenSSL end a row at a file that they cannot use. */
static bool goes_on_behind_unusable(void)
{
    char path[128];
    path_of(path, 0, "", 0);
    cr_assert_eq(file_write_atomic(path, "nonsense\n", 9, 0600), 0);
    put_certificate(0, 1, 0);
    X509_STORE *model = X509_STORE_new();
    cr_assert(X509_STORE_load_path(model, folder));
    bool is_found = look_in(model, X509_LU_X509, 0);
    X509_STORE_free(model);
    ERR_clear_error();
    remove_file(0, "", 0);
    remove_file(0, "", 1);
    return is_found;
}

/* Random files and looks: the same is found, and the same is in the store. */
Test(tls_ca_folder, finds_what_openssl_finds)
{
    struct random_state random;
    random_state_seed(&random, 7);
    bool with_unusable = goes_on_behind_unusable();
    for (int round = 0; round < 60; round++) {
        X509_STORE *model = X509_STORE_new();
        X509_STORE_free(store);
        store = X509_STORE_new();
        cr_assert_eq(tls_ca_folder_install(store, NULL, folder), 0);
        cr_assert(X509_STORE_load_path(model, folder));
        for (int step = 0; step < 30; step++) {
            change_something(&random, with_unusable);
            int name = (int)(random_state_next(&random) % NAMES);
            X509_LOOKUP_TYPE type = random_state_next(&random) % 2 ? X509_LU_X509 : X509_LU_CRL;
            bool is_found = look_in(model, type, name);
            ERR_clear_error();
            cr_assert_eq(look(type, name), is_found, "round %d step %d: OpenSSL %d, %s of %d",
                         round, step, is_found, type == X509_LU_CRL ? "lists" : "certificates",
                         name);
            check_same(model);
        }
        X509_STORE_free(model);
    }
}

static void *look_many(void *argument)
{
    (void)argument;
    for (int i = 0; i < 300; i++) {
        (void)look(X509_LU_X509, i % NAMES);
        (void)look(X509_LU_CRL, i % NAMES);
    }
    OPENSSL_thread_stop();
    return NULL;
}

/* As when sessions travel in the middle of their handshakes. */
Test(tls_ca_folder, threads_may_share_a_store)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, look_many, NULL), 0);
    for (int k = 0; k < ISSUES; k++) {
        put_certificate(0, (unsigned)k, k);
        put_list(1, (unsigned)k, k);
    }
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert(look(X509_LU_X509, 0));
    cr_assert(look(X509_LU_CRL, 1));
    cr_assert(holds(store, NULL, lists[1][0]));
}
#endif
