"""The paper's Tables 1 to 6 with this project's numbers beside the paper's."""
