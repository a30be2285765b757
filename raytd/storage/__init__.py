"""Where does something lie, and how is it written whole?"""
