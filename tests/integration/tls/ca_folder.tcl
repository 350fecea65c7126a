# tls-ca-cert-dir: what is found there by hashed names during a handshake, and what must not stop one.

file_needs built_tls

proc hash_of {name} { return [exec openssl x509 -noout -subject_hash -in [certificate $name.crt]] }

# An empty list of revoked certificates.
proc make_list {authority path} {
    write_file $path.index ""
    write_file $path.cnf "\[ca\]\ndefault_ca=this\n\[this\]\ndatabase=$path.index\ndefault_md=sha256\n"
    exec -ignorestderr openssl ca -gencrl -config $path.cnf -crldays 10 -cert [certificate $authority.crt] \
        -keyfile [certificate $authority.key] -out $path 2>@1
}

proc can_enter {cert} {
    if {[catch {set c [redis_client -tls 1 -cert $cert]; $c ping} result]} { return 0 }
    $c close
    return [expr {$result eq "PONG"}]
}

foreach threads {1 4} {
    start_server [list overrides [list port 0 tls-port [free_port] io-threads $threads] tags sluice] {
        # The folder holds the authority of the tests' own clients from the start.
        set folder [file join [srv dir] roots]
        file mkdir $folder
        file copy [certificate ca.crt] $folder/ca.pem
        r config set tls-ca-cert-dir $folder tls-ca-cert-file ""
        set named $folder/[hash_of other-ca]

        test "A pipe, a device or a socket with a hashed name stops no handshake (io-threads $threads)" {
            exec mkfifo $named.0
            for {set i 0} {$i < 8} {incr i} {
                assert_equal 0 [can_enter stranger]
                assert_equal 1 [can_enter client]
            }
            file delete $named.0
            file link -symbolic $named.0 /dev/tty
            assert_equal 0 [can_enter stranger]
            file delete $named.0
            file link -symbolic $named.0 /dev/zero
            assert_equal 0 [can_enter stranger]
            file delete $named.0
            assert_equal 1 [can_enter client]
            assert_equal PONG [r ping]
        }

        test "The links of openssl rehash are followed, without CONFIG SET (io-threads $threads)" {
            assert_equal 0 [can_enter stranger]
            file copy [certificate other-ca.crt] $folder/other.pem
            exec openssl rehash $folder
            assert_equal link [file type $named.0]
            assert_equal 1 [can_enter stranger]
            assert_equal 1 [can_enter client]
        }

        test "Lists of revoked certificates are found by name, and a pipe there stops nobody (io-threads $threads)" {
            assert_equal 1 [can_enter revoked]
            # Lists are looked at once some list is configured, and have to be there for every issuer then.
            r config set tls-crl-file [certificate ca.crl]
            assert_equal 0 [can_enter revoked]
            assert_equal 1 [can_enter client]
            exec mkfifo $named.r0
            assert_equal 0 [can_enter stranger]
            assert_equal 1 [can_enter client]
            make_list other-ca [file join [srv dir] other.crl]
            file link -symbolic $named.r1 [file join [srv dir] other.crl]
            assert_equal 1 [can_enter stranger]
            r config set tls-crl-file ""
            assert_equal 1 [can_enter revoked]
        }
    }
}
