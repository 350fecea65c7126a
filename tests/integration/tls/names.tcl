# tls-auth-clients-user: the certificate's name is the ACL user.

start_server [list overrides [list port 0 tls-port [free_port] tls-auth-clients optional] tags {sluice command:acl}] {
    proc who {cert} {
        set c [redis_client -tls 1 -cert $cert]
        set user [$c acl whoami]
        $c close
        return $user
    }

    r acl setuser alice on >pw +@all ~*
    r acl setuser urn:user:alice on >pw +@all ~*
    r acl setuser bob off >pw +@all ~*

    test "off: everybody is the default user" {
        assert_equal default [who alice]
    }

    test "cn: the common name is the user" {
        r config set tls-auth-clients-user cn
        assert_equal alice [who alice]
    }

    test "cn: no such user, a disabled user, no certificate: default" {
        assert_equal default [who client]
        assert_equal default [who bob]
        assert_equal default [who ""]
    }

    test "Redis 8.8.2: a NUL in the certificate's name never matches a user" {
        assert_equal default [who nul]
    }

    test "uri: the first matching SAN URI is the user" {
        r config set tls-auth-clients-user uri
        assert_equal urn:user:alice [who alice]
        assert_equal default [who client]
    }

    test "The mapping is looked up again when a session is resumed" {
        r config set tls-auth-clients-user cn
        set session [file join $::work_dir session.pem]
        set arguments [list -cert alice -input "ACL WHOAMI\r\n" -until "*alice\r\n*"]
        assert_match "*\nalice\r\n*" [s_client [srv tls_port] {*}$arguments -sess_out $session]
        r acl setuser alice off
        set output [s_client [srv tls_port] -cert alice -input "ACL WHOAMI\r\n" -until "*default\r\n*" -sess_in $session]
        assert_match "*\ndefault\r\n*" $output
        r acl setuser alice on
    }
}
