# Runs one test file: worker.tcl FILE WORK_DIR OPTIONS. See main.tcl for what it prints.

set root [file dirname [file dirname [file dirname [file normalize [info script]]]]]
source [file join $root tests support options.tcl]
source [file join $root tests support client.tcl]
source [file join $root tests support test.tcl]
source [file join $root tests support server.tcl]
source [file join $root tests support tls.tcl]

fconfigure stdout -encoding utf-8
expr {srand([pid] * 7919 + [clock microseconds] % 1000003)}
set test_path [lindex $argv 0]
set test_file [string range $test_path [string length "[file join $root tests integration]/"] end]
set work_dir [lindex $argv 1]
parse_options [lrange $argv 2 end]

# `return` at a file's top level (file_needs) ends the file.
if {[catch {source $test_path} message options]} {
    report_failure "(the file)" [failure_text $message $options]
    foreach server [lreverse $servers] {
        dispose_server $server [stop_server $server]
    }
}
stop_helpers
puts "\n@done\t$suite(emitted)"
