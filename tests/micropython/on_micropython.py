# micropython on_micropython.py LIBRARY TESTS NAME ...: runs the plain test functions of the
# modules NAME (such as dlms/test_axdr) in the folder TESTS, against the core in the folder
# LIBRARY, as pytest would.
import gc
import sys

library, tests = sys.argv[1:3]
sys.path[:0] = ["", library, tests]

failed = 0
for name in sys.argv[3:]:
    folder, _, name = ("/" + name).rpartition("/")
    sys.path[:1] = [tests + folder]
    module = __import__(name)
    for test in sorted(dir(module)):
        if test.startswith("test_"):
            gc.collect()
            try:
                getattr(module, test)()
                print("ok  ", name, test)
            except Exception as e:
                failed += 1
                print("FAIL", name, test)
                sys.print_exception(e, sys.stdout)
sys.exit(1 if failed else 0)
