# CLIENT subcommands that look at connections, name them and change how they are served.

proc client_line {pattern} {
    return [lsearch -inline [split [r client list] \n] $pattern]
}

start_server {} {
    test "CLIENT ID grows from connection to connection" {
        set a [redis_client]
        set b [redis_client]
        assert {[$b client id] > [$a client id]}
        assert_equal [$a client id] [$a client id]
        $a close
        $b close
    }

    test "CLIENT LIST has Redis's fields, each with one equals sign" {
        set line [lindex [split [r client list] \n] 0]
        assert_match "id=* addr=*:* laddr=*:* fd=* name=* age=* idle=* flags=N db=* sub=0 psub=0 ssub=0 multi=-1*" $line
        assert_match "*qbuf=* qbuf-free=* argv-mem=* multi-mem=0 *obl=0 oll=0 omem=0 tot-mem=* events=r cmd=client|list user=default redir=-1 resp=2*" $line
        foreach token [split [string trim $line] " "] {
            assert_equal 1 [regexp -all = $token] $token
        }
    }

    test "CLIENT LIST: a certificate's name does not make tokens of its own" {
        # The exporter wants one equals sign in each token.
        foreach {name extension shown} {
            {a=b} "" a%3Db {a b=c} "" a%20b%3Dc {50% Müller} "" 50%25%20M%C3%BCller a "" a
            a subjectAltName=URI:spiffe://x/y a {} subjectAltName=URI:spiffe://x/y spiffe://x/y
        } {
            set base [file join [srv dir] odd]
            exec -ignorestderr openssl ecparam -name prime256v1 -genkey -noout -out $base.key 2>/dev/null
            exec -ignorestderr openssl req -new -key $base.key -utf8 -subj /O=x[expr {$name eq "" ? "" : "/CN=$name"}] -out $base.csr 2>/dev/null
            write_file $base.ext "keyUsage=digitalSignature\n$extension\n"
            exec -ignorestderr openssl x509 -req -in $base.csr -CA [certificate ca.crt] -CAkey [certificate ca.key] \
                -set_serial 99 -days 2 -extfile $base.ext -out $base.crt 2>/dev/null
            set options [list -cafile [certificate ca.crt] -require 1 -certfile $base.crt -keyfile $base.key]
            set c [redis_client -tls_options $options]
            set line [string trim [$c client info]]
            foreach token [split $line " "] { assert_equal 1 [regexp -all = $token] $token }
            assert {[regexp {cert=(\S*)$} $line -> found]} $line
            assert_equal $shown $found
            $c close
        }
    } {sluice tls}

    test "CLIENT LIST of level 8 has lib-name, lib-ver, watch, io-thread and network counters" {
        set line [lindex [split [r client list] \n] 0]
        foreach field {watch= rbs= rbp= lib-name= lib-ver= io-thread= tot-net-in= tot-net-out= tot-cmds=} {
            assert {[string first " $field" $line] > 0} "$field in $line"
        }
    } {sluice}

    test "CLIENT LIST: what a request in hand takes, and the order of flags" {
        assert_match "*qbuf-free=* argv-mem=10 *" [r client list]
        set c [redis_client]
        $c client no-evict on
        $c client tracking on bcast
        set waiting [redis_deferring_client]
        $waiting blpop nokey[string repeat x 1000] 0
        set list {}
        wait_until 1 5 {
            set list [r client list]
            string match "*argv-mem=1011 *cmd=blpop*" $list
        }
        assert_match "* flags=tBe *" $list
        $waiting close
        $c client no-evict off
        $c client tracking off
        $c close
    }

    test "CLIENT LIST shows no command after an unknown one" {
        set c [redis_client]
        set id [$c client id]
        assert_match "*cmd=client|id *" [r client list id $id]
        assert_error "ERR unknown command *" {$c nosuch}
        assert_match "*cmd=NULL *" [r client list id $id]
        $c close
    }

    test "CLIENT INFO is this connection's line" {
        set c [redis_client]
        $c client setname me
        set info [$c client info]
        assert_match "id=[$c client id] addr=*name=me*cmd=client|info*" $info
        assert_no_match "*\n" [string trimright $info \n]
        $c close
    }

    test "CLIENT LIST shows the selected database and the protocol" {
        set c [redis_client]
        $c select 7
        $c hello 3 setname seven
        assert_match "* db=7 *resp=3*" [client_line *name=seven*]
        $c close
    }

    test "CLIENT LIST ID" {
        set c [redis_client]
        set id [$c client id]
        set lines [split [string trim [r client list id $id]] \n]
        assert_equal 1 [llength $lines]
        assert_match "id=$id *" [lindex $lines 0]
        assert_equal "" [string trim [r client list id 999999999]]
        assert_error "ERR syntax error" {r client list id}
        assert_error "ERR Invalid client ID" {r client list id abc}
        assert_error "ERR Invalid client ID" {r client list id $id abc}
        set mine [r client id]
        set ids {}
        foreach line [split [string trim [r client list id $id $mine 0 -1 999999999 $id]] \n] {
            lappend ids [lindex $line 0]
        }
        assert_equal [list id=$id id=$mine id=$id] $ids
        $c close
    }

    test "CLIENT LIST TYPE" {
        assert_match "id=*" [r client list type normal]
        assert_equal "" [string trim [r client list type replica]]
        assert_equal "" [string trim [r client list type pubsub]]
        assert_error "ERR Unknown client type 'nosuch'" {r client list type nosuch}
    }

    test "CLIENT SETNAME and GETNAME" {
        set c [redis_client]
        assert_equal "" [$c client getname]
        assert_equal OK [$c client setname worker:1]
        assert_equal worker:1 [$c client getname]
        assert_match "*name=worker:1*" [client_line *name=worker:1*]
        assert_equal OK [$c client setname ""]
        $c write [resp::encode {client getname}]
        assert_equal "\$-1\r\n" [$c raw]
        $c close
    }

    test "CLIENT SETNAME refuses spaces and control characters" {
        foreach name [list "a b" "a\nb" "a\tb" "\x01" "a\x7f" "\xc3\xa9"] {
            assert_error "ERR Client names cannot contain spaces, newlines or special characters." \
                [list r client setname $name]
        }
    }

    test "CLIENT SETINFO" {
        set c [redis_client]
        assert_equal OK [$c client setinfo lib-name redis-py]
        assert_equal OK [$c client setinfo LIB-VER 1.2.3]
        assert_match "*lib-name=redis-py lib-ver=1.2.3*" [$c client info]
        assert_error "ERR lib-name cannot contain spaces, newlines or special characters." {
            $c client setinfo lib-name "redis py"
        }
        assert_error "ERR Unrecognized option 'badkey'" {$c client setinfo badkey x}
        assert_equal RESET [$c reset]
        assert_match "*lib-name=redis-py lib-ver=1.2.3*" [$c client info]
        $c close
    } {redis8}

    test "CLIENT NO-EVICT" {
        set c [redis_client]
        assert_equal OK [$c client no-evict on]
        assert_match "*flags=e *" [$c client info]
        assert_equal OK [$c client no-evict off]
        assert_match "*flags=N *" [$c client info]
        assert_error "ERR syntax error" {$c client no-evict wrong}
        $c close
    }

    test "CLIENT NO-TOUCH" {
        set c [redis_client]
        assert_equal OK [$c client no-touch on]
        assert_match "*flags=T *" [$c client info]
        assert_equal OK [$c client no-touch off]
        assert_error "ERR syntax error" {$c client no-touch wrong}
        $c close
    } {redis8}

    test "CLIENT REPLY OFF, SKIP and ON" {
        set c [redis_deferring_client]
        $c client reply off
        $c ping
        $c set quiet 1
        $c client reply on
        assert_equal OK [$c read]
        $c client reply skip
        $c ping notseen
        $c ping seen
        assert_equal seen [$c read]
        assert_equal 1 [r get quiet]
        assert_error "ERR syntax error" {r client reply wrong}
        $c close
    }

    test "CLIENT REPLY OFF silences errors as well" {
        set c [redis_deferring_client]
        $c client reply off
        $c nosuchcommand
        $c get
        $c client reply on
        assert_equal OK [$c read]
        $c client reply off
        $c write "*a\r\n"
        assert [$c eof]
        $c close
    }

    test "CLIENT GETREDIR and CLIENT HELP" {
        assert_equal -1 [r client getredir]
        assert_match "CLIENT <subcommand> *" [lindex [r client help] 0]
    }

    test "CLIENT UNBLOCK of a client that is not blocked" {
        assert_equal 0 [r client unblock [r client id]]
        assert_equal 0 [r client unblock 99999999]
        assert_error "ERR value is not an integer or out of range" {r client unblock abc}
        assert_error "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR" {r client unblock 1 wrong}
    }

    test "CLIENT LIST with many clients shows each once" {
        set clients {}
        for {set i 0} {$i < 100} {incr i} {
            set c [redis_client]
            $c client setname many-$i
            lappend clients $c
        }
        set list [r client list]
        for {set i 0} {$i < 100} {incr i} {
            assert_equal 1 [regexp -all "name=many-$i " $list] $i
        }
        foreach c $clients { $c close }
        wait_until 1 5 {s connected_clients}
    }
}
