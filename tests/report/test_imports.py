import subprocess
import sys


def test_the_package_loads_no_matplotlib_and_nothing_of_the_edges():
    edges = {"matplotlib", "mlflow", "ray", "torch"}
    code = f"import sys, raytd.report; print(*{edges} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
